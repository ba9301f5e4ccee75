import type { Face } from '../../fhir/change.js';
import { FhirError, type Issue, type OperationOutcome, operationOutcome } from '../../fhir/fhir-error.js';
import type { ReturnPreference } from '../../http/prefer.js';
import type { EntryAnswer } from './bundle-answer.js';
import { type BundleEntry, issueOfEntry } from './bundle-entries.js';
import { type PatchBody, patchBodyOf } from './entry-patch.js';
import { relativeUrl } from './entry-url.js';
import { type OwnAnswer, OwnRequests } from './own-requests.js';

/** Entries served at once: enough that their writes share commits. */
const AT_ONCE = 64;

/** What the client said of the answer as a whole. */
export interface AnswerWishes {
  prefer?: ReturnPreference;
  /** The whole `Prefer` header, for reads. */
  preferHeader?: string;
}

/** A batch: each entry is a request of its own and gets its own answer. https://hl7.org/fhir/R4B/http.html#transaction */
export class Batches {
  constructor(
    private readonly requests: OwnRequests,
    private readonly bases: readonly string[],
  ) {}

  async run(face: Face, entries: readonly BundleEntry[], wishes: AnswerWishes): Promise<EntryAnswer[]> {
    const answers: EntryAnswer[] = new Array<EntryAnswer>(entries.length);
    let next = 0;
    const serveOn = async () => {
      for (let at = next++; at < entries.length; at = next++) answers[at] = await this.serve(face, entries[at]!, wishes);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, entries.length) }, serveOn));
    return answers;
  }

  /** One entry, whatever it asks for; a refusal is an answer too. */
  async serve(face: Face, entry: BundleEntry, wishes: AnswerWishes): Promise<EntryAnswer> {
    try {
      const url = relativeUrl(entry, this.bases);
      const { contentType, body } = entry.method === 'PATCH' ? patchBodyOf(entry) : bodyOf(entry);
      const headers = headersOf(entry, wishes, contentType);
      return answerOf(await this.requests.serve({ face, method: entry.method, url, headers, body }), entry);
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      return { status: error.status, outcomeText: JSON.stringify(operationOutcome(error.issues)) };
    }
  }
}

function bodyOf({ resource }: BundleEntry): Partial<PatchBody> {
  return resource === undefined ? {} : { contentType: 'application/fhir+json', body: resource.text };
}

function headersOf(entry: BundleEntry, wishes: AnswerWishes, contentType: string | undefined): Record<string, string> {
  const reads = entry.method === 'GET' || entry.method === 'HEAD';
  const prefer = reads ? wishes.preferHeader : entry.url.includes('$') ? undefined : `return=${wishes.prefer ?? 'minimal'}`;
  const headers: Record<string, string | undefined> = {
    'content-type': contentType,
    prefer,
    'if-match': entry.ifMatch,
    'if-none-match': entry.ifNoneMatch,
    'if-none-exist': entry.ifNoneExist,
    'if-modified-since': entry.ifModifiedSince === undefined ? undefined : httpDate(entry.ifModifiedSince),
  };
  return Object.fromEntries(Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function httpDate(instant: string): string {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? instant : date.toUTCString();
}

function answerOf(answer: OwnAnswer, entry: BundleEntry): EntryAnswer {
  const { status, headers, body } = answer;
  const isOutcome = body.startsWith('{"resourceType":"OperationOutcome"');
  return {
    status,
    location: headers.location,
    etag: headers.etag,
    lastModified: headers.lastModified === undefined ? undefined : new Date(headers.lastModified).toISOString(),
    outcomeText: isOutcome ? (status < 400 ? body : outcomeOfEntry(body, entry)) : undefined,
    resourceText: isOutcome || body === '' ? undefined : body,
  };
}

/** The refusal in the words of the Bundle, so that the entry at fault is named. */
function outcomeOfEntry(body: string, entry: BundleEntry): string {
  const issues = (JSON.parse(body) as OperationOutcome).issue.map(({ code, diagnostics, expression, severity }) =>
    issueOfEntry({ code, diagnostics, severity: severity as Issue['severity'], expression: expression?.[0] }, entry),
  );
  return JSON.stringify(operationOutcome(issues));
}
