import type { SecureContext } from 'node:tls';
import { Agent } from 'undici';
import { decodeBody, isCoded } from './decode-body.js';
import { guardedConnector } from './guarded-connector.js';
import { OutboundCall } from './outbound-call.js';
import { hostOf, type OutboundPolicy, refusalOfHost } from './outbound-policy.js';
import type { OutboundAnswer, OutboundFailure, OutboundRequest } from './outbound-exchange.js';
import type { Resolve } from './resolve-name.js';

export type { OutboundAnswer, OutboundFailure, OutboundRequest } from './outbound-exchange.js';

export interface OutboundSettings {
  policy: OutboundPolicy;
  connectSeconds: number;
  /** Until the head of an answer, connecting included. */
  headSeconds: number;
  connectionsPerOrigin: number;
  /** Whom to trust, and the hub's own certificate; absent: the usual authorities, none. */
  secureContext?: SecureContext;
}

const DEFAULT_ANSWER_BYTES = 64 * 1024;

/** What may come over a connection for one request, framing and all: ample for a short answer, and for the page of a source. */
const MOST_RAW_BYTES = { short: 1024 * 1024, long: 128 * 1024 * 1024 };
const KEEP_ALIVE_MS = 4000;
const MOST_KEEP_ALIVE_MS = 30_000;

/**
 * The only door for calls out of the hub by HTTP: addresses checked where the socket connects, no redirects, every call bounded in time and
 * in bytes read. Never throws: what came of a call is a value. Once the head of an answer is there it counts as answered, even if its
 * body never ends.
 *
 * A kept connection that turns out to be closed as the request goes out is replaced and the request sent once more, within the same
 * time. The other side may have had it after all; that is allowed because everything the hub sends may come twice: notifications
 * bear an id, an update says the same again, a poll only reads.
 */
export class OutboundClient {
  /** Long answers come over connections of their own, which bear more. */
  private readonly agents: Record<'short' | 'long', Agent>;
  /** One body at a time is decompressed: the memory it takes does not grow with the number of hostile endpoints. */
  private decoding: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly settings: OutboundSettings,
    resolve?: Resolve,
  ) {
    const { policy, connectSeconds, connectionsPerOrigin, secureContext } = settings;
    const agent = (mostBytes: number) =>
      new Agent({
        connections: connectionsPerOrigin,
        pipelining: 1,
        connect: guardedConnector(policy, { timeoutMs: connectSeconds * 1000, secureContext, mostBytes }, resolve),
        // The clocks of a call are its own.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: 32 * 1024,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: MOST_KEEP_ALIVE_MS,
      });
    this.agents = { short: agent(MOST_RAW_BYTES.short), long: agent(MOST_RAW_BYTES.long) };
  }

  async send(request: OutboundRequest): Promise<OutboundAnswer | OutboundFailure> {
    const refusal = refusalOfUrl(request.url);
    if (refusal !== undefined) return { kind: 'failed', fault: 'refused', detail: refusal, milliseconds: 0 };
    const mostBodyBytes = request.maxAnswerBytes ?? DEFAULT_ANSWER_BYTES;
    const answer = await this.exchange(request, mostBodyBytes);
    if (answer.kind === 'failed') return answer;
    const encoding = String(answer.headers['content-encoding'] ?? '');
    if (!isCoded(encoding) || answer.body.length === 0) return answer;
    const decoded = this.decoding.then(() => decodeBody(answer.body, encoding, mostBodyBytes));
    this.decoding = decoded;
    const { body, complete } = await decoded;
    return { ...answer, body, complete: answer.complete && complete };
  }

  async close(): Promise<void> {
    await Promise.all([this.agents.short.destroy(), this.agents.long.destroy()]);
  }

  private exchange(request: OutboundRequest, mostBodyBytes: number): Promise<OutboundAnswer | OutboundFailure> {
    const headMs = Math.min(this.settings.headSeconds * 1000, request.timeoutMs);
    return new Promise((resolve) => {
      const call = new OutboundCall(request, { headMs, mostBodyBytes }, resolve, () => this.dispatch(request, call));
      this.dispatch(request, call);
    });
  }

  private dispatch({ url, method, headers, body, maxAnswerBytes = 0 }: OutboundRequest, call: OutboundCall): void {
    try {
      this.agents[maxAnswerBytes > DEFAULT_ANSWER_BYTES ? 'long' : 'short'].dispatch(
        { origin: url.origin, path: url.pathname + url.search, method, headers: headers.flat(), body: body ?? null },
        call,
      );
    } catch (error) {
      call.onResponseError(undefined, error as Error);
    }
  }
}

function refusalOfUrl(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is not http or https`;
  const refusal = refusalOfHost(url.hostname);
  return refusal === undefined ? undefined : `${hostOf(url)} ${refusal}`;
}
