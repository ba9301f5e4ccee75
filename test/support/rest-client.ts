import type { Hub } from './start-hub.js';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked into freely
export type Json = Record<string, any>;

export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
  /** The first issue of an OperationOutcome. */
  issue: Json;
}

/** One request to the FHIR base of r4b, or to a whole address. Bodies that are no text go out as FHIR JSON. */
export async function request(
  hub: Hub,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<RestAnswer> {
  const response = await fetch(path.startsWith('http') ? path : `${hub.fhir}/${path}`, {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/fhir+json', ...headers },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Json;
  return { status: response.status, headers: response.headers, text, json, issue: (json['issue']?.[0] ?? {}) as Json };
}
