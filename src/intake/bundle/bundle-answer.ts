import { STATUS_CODES } from 'node:http';

/** What became of one entry. Texts are JSON already. */
export interface EntryAnswer {
  status: number;
  location?: string;
  etag?: string;
  /** An instant. */
  lastModified?: string;
  outcomeText?: string;
  resourceText?: string;
}

/** The `batch-response` or `transaction-response`, entries in the order of the request. Resources go in as they are stored. */
export function bundleAnswer(type: 'batch-response' | 'transaction-response', entries: readonly EntryAnswer[]): string {
  if (entries.length === 0) return `{"resourceType":"Bundle","type":"${type}"}`;
  return `{"resourceType":"Bundle","type":"${type}","entry":[${entries.map(entryText).join(',')}]}`;
}

function entryText(answer: EntryAnswer): string {
  const { status, location, etag, lastModified, outcomeText, resourceText } = answer;
  let text = `"status":${JSON.stringify(`${status} ${STATUS_CODES[status] ?? ''}`.trim())}`;
  if (location !== undefined) text += `,"location":${JSON.stringify(location)}`;
  if (etag !== undefined) text += `,"etag":${JSON.stringify(etag)}`;
  if (lastModified !== undefined) text += `,"lastModified":"${lastModified}"`;
  if (outcomeText !== undefined) text += `,"outcome":${outcomeText}`;
  return `{${resourceText === undefined ? '' : `"resource":${resourceText},`}"response":{${text}}}`;
}
