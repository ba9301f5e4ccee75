import type { OutboundClient } from '../outbound/outbound-client.js';
import { PollFailure } from './poll-failure.js';
import { SourceClient, type SourceResponse } from './source-client.js';

const TIMEOUT_MILLISECONDS = 60_000;
const MOST_PAGE_BYTES = 64 * 1024 * 1024;

/** Asks sources through the guarded client: addresses checked, no redirects. */
export class OutboundSourceClient extends SourceClient {
  constructor(private readonly client: OutboundClient) {
    super();
  }

  async get(url: string, headers: readonly (readonly [string, string])[], signal: AbortSignal): Promise<SourceResponse> {
    const answer = await this.client.send({
      method: 'GET',
      url: new URL(url),
      headers,
      timeoutMs: TIMEOUT_MILLISECONDS,
      maxAnswerBytes: MOST_PAGE_BYTES,
      signal,
    });
    if (answer.kind === 'failed') throw new PollFailure(`The source could not be asked (${answer.fault}): ${answer.detail}`);
    if (!answer.complete && answer.status === 200) throw new PollFailure('A page of the source did not end, or was too large.');
    return { status: answer.status, headers: singleHeaders(answer.headers), body: answer.body };
  }
}

function singleHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}
