import type { Change } from '../../../src/fhir/change.js';
import {
  ChangeStore,
  type ProcessedMessage,
  type SourceWatermark,
  type WriteOutcome,
  type WriteUnit,
} from '../../../src/intake/change-store.js';
import { decideUnit, resourceKey } from '../../../src/intake/decide-unit.js';

/** The change log in memory: trusted because it passes the same contract suite as the Postgres one. */
export class MemoryChangeStore extends ChangeStore {
  /** The log, in order. */
  readonly log: Change[] = [];
  readonly watermarks = new Map<string, SourceWatermark>();
  readonly messages: ProcessedMessage[] = [];
  private readonly current = new Map<string, Change>();

  constructor(private readonly now: () => number = Date.now) {
    super();
  }

  async write(unit: WriteUnit): Promise<WriteOutcome[]> {
    const decision = decideUnit(unit, (type, id) => this.current.get(resourceKey(type, id)), this.now());
    const xid = BigInt(this.log.length + 1);
    for (const { change } of decision.drafts) {
      change.position = { epoch: 0, xid, seq: BigInt(this.log.length + 1) };
      this.log.push(change);
      this.current.set(resourceKey(change.type, change.id), change);
    }
    if (unit.watermark !== undefined) this.watermarks.set(unit.watermark.endpointId, unit.watermark);
    if (unit.message !== undefined) this.messages.push(unit.message);
    return decision.outcomes;
  }
}
