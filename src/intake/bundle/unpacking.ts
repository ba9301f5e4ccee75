import type { Change, Face } from '../../fhir/change.js';
import { FhirError } from '../../fhir/fhir-error.js';
import { parseBundle } from '../../fhir/json-text.js';
import { etagOf } from '../../http/preconditions.js';
import { versionUrl } from '../../http/resource-reply.js';
import type { MatchingResources } from '../matching-resources.js';
import type { AnswerWishes } from './batch.js';
import type { EntryAnswer } from './bundle-answer.js';
import type { Transactions } from './transaction.js';
import { unpackDocument } from './unpack-document.js';

/** Stores the resources of a stored document one by one, all of them or none, so that searches find them. */
export class Unpacking {
  constructor(
    private readonly transactions: Transactions,
    private readonly resources: MatchingResources,
    private readonly urls: { publicUrl: string; bases: readonly string[] },
  ) {}

  /**
   * Answers for each resource of the document, in order. What the hub has under an address of its own stays as it is: the document is a copy
   * of it, and maybe an old one.
   * @throws FhirError 404, 410; 422 for another Bundle; as a transaction does, naming the entry
   */
  async run(face: Face, id: string, wishes: AnswerWishes): Promise<EntryAnswer[]> {
    const bundle = await this.resources.current('Bundle', id);
    if (bundle === undefined) throw new FhirError('not-found', `There is no Bundle/${id}`);
    if (bundle.body === null) throw new FhirError('deleted', `Bundle/${id} was deleted at ${bundle.at.toISOString()}`);
    const unpacked = unpackDocument(parseBundle(bundle.body), this.urls.bases);
    const kept = new Map<number, Change>();
    for (const { type, id: ofEntry, own, entry } of unpacked) {
      const current = own ? await this.resources.current(type, ofEntry) : undefined;
      if (current?.body != null) kept.set(entry.index, current);
    }
    const toWrite = unpacked.map(({ entry }) => entry).filter(({ index }) => !kept.has(index));
    const written = await this.transactions.run(face, toWrite, wishes);
    const answers = new Map(toWrite.map(({ index }, at) => [index, written[at]!]));
    return unpacked.map(({ entry }) => answers.get(entry.index) ?? this.keptAnswer(face, kept.get(entry.index)!));
  }

  private keptAnswer(face: Face, change: Change): EntryAnswer {
    return {
      status: 200,
      location: versionUrl(this.urls.publicUrl, face, change),
      etag: etagOf(change.version),
      lastModified: change.at.toISOString(),
    };
  }
}
