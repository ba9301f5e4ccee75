import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { FullTextIndex, type Advance } from '../full-text/full-text-index.js';
import { contentWords } from '../search/full-text/resource-words.js';
import { bigintsParameter, integersParameter, textsParameter } from './array-parameters.js';
import type { Database, Queryable } from './database.js';
import { MOST_UNINDEXED } from './full-text-search.js';
import { CHANGES_TO_INDEX, KEEP_WORDS, SORT_IN, TRY_FULL_TEXT_TURN } from './sql/full-text-index.sql.js';
import { UNINDEXED_CHANGES } from './sql/full-text-search.sql.js';
import { type WordVector, wordVectorOf } from './word-vector.js';

/** So many changes behind the log searches make up for with ease. */
const NEAR = MOST_UNINDEXED / 2;
/** Texts read in one turn: a few large resources, or many of the usual size. */
const MOST_BYTES = 4 * 1024 * 1024;
/** The thread is given to others after so long. */
const SLICE_MILLISECONDS = 2;

interface ChangeToIndex {
  epoch: number;
  xid: bigint;
  seq: bigint;
  type: string;
  version: number;
  /** Null: a newer version follows. */
  rid: bigint | null;
  deleted: boolean | null;
  body: string | null;
}

const NOTHING: WordVector = { placed: false, words: null };

export class PostgresFullTextIndex extends FullTextIndex {
  constructor(private readonly database: Database) {
    super();
  }

  /**
   * One transaction, which takes its id with the last statement only: an id held while words are worked out would hold up whoever follows the
   * change log. What it writes can be worked out again, so the commit does not wait for the disk.
   */
  override advance(most: number, without = false): Promise<Advance | undefined> {
    return this.database.transaction(
      async (tx) => {
        const [lock] = await tx.rows<{ taken: boolean }>(TRY_FULL_TEXT_TURN);
        if (lock?.taken !== true) return undefined;
        const changes = await tx.rows<ChangeToIndex>(CHANGES_TO_INDEX, [most, MOST_BYTES]);
        const last = changes.at(-1);
        if (last === undefined) return { changes: 0, resources: 0, isFar: false };
        const [behind] = await tx.rows<{ changes: number }>(UNINDEXED_CHANGES, [changes.length + NEAR + 1]);
        const isFar = (behind?.changes ?? 0) > changes.length + NEAR;
        return { changes: changes.length, resources: await keepWords(tx, changes, last, without), isFar };
      },
      { durable: false },
    );
  }

  override async sortIn(): Promise<void> {
    await this.database.rows(SORT_IN);
  }
}

async function keepWords(
  tx: Queryable,
  changes: readonly ChangeToIndex[],
  last: ChangeToIndex,
  without: boolean,
): Promise<number> {
  const rows: { rid: bigint; version: number; vector: WordVector }[] = [];
  const gone: bigint[] = [];
  let sliceEnds = performance.now() + SLICE_MILLISECONDS;
  for (const { rid, type, version, deleted, body } of changes) {
    if (rid === null) continue;
    if (deleted === true || body === null) {
      gone.push(rid);
      continue;
    }
    rows.push({ rid, version, vector: without ? NOTHING : wordVectorOf(type, contentWords(JSON.parse(body))) });
    if (performance.now() > sliceEnds) {
      await yieldToOthers();
      sliceEnds = performance.now() + SLICE_MILLISECONDS;
    }
  }
  await tx.run(KEEP_WORDS, [
    bigintsParameter(rows.map(({ rid }) => rid)),
    integersParameter(rows.map(({ version }) => version)),
    `{${rows.map(({ vector }) => (vector.placed ? 't' : 'f')).join(',')}}`,
    textsParameter(rows.map(({ vector }) => vector.words)),
    bigintsParameter(gone),
    last.epoch,
    last.xid,
    last.seq,
  ]);
  return rows.length;
}
