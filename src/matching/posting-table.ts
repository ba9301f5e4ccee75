import type { Entry } from './entry.js';

/** Entries under one key: one alone stands for itself, so that most keys need no list. */
export type Posting<Owner> = Entry<Owner> | Entry<Owner>[];

const SHARDS = 64;
const FIRST_CAPACITY = 16;
/** No key is negative. */
const FREE = -1;

/**
 * Entries by key. Numbers side by side in typed arrays, where a Map keeps every key of more than 31 bits as an object of its own: a lookup
 * that finds nothing, as nearly all do, touches one line of memory. In shards, so that growing never stops the thread for long.
 */
export class PostingTable<Owner> {
  size = 0;
  private readonly shards: (Shard<Owner> | undefined)[] = new Array<Shard<Owner> | undefined>(SHARDS).fill(undefined);

  get(key: number): Posting<Owner> | undefined {
    return this.shards[shardOf(key)]?.get(key);
  }

  add(key: number, entry: Entry<Owner>): void {
    const shard = (this.shards[shardOf(key)] ??= new Shard<Owner>());
    const posting = shard.get(key);
    if (Array.isArray(posting)) {
      posting.push(entry);
      return;
    }
    shard.set(key, posting === undefined ? entry : [posting, entry]);
    if (posting === undefined) this.size++;
  }

  remove(key: number, entry: Entry<Owner>): void {
    const shard = this.shards[shardOf(key)];
    const posting = shard?.get(key);
    if (shard === undefined || posting === undefined) return;
    if (posting === entry) {
      shard.delete(key);
      this.size--;
      return;
    }
    if (!Array.isArray(posting)) return;
    const at = posting.indexOf(entry);
    const last = posting.pop();
    if (at < 0 || last === undefined) throw new Error('An entry is not where it was filed');
    if (last !== entry) posting[at] = last;
    const [only] = posting;
    if (posting.length === 1 && only !== undefined) shard.set(key, only);
  }

  lengthOf(key: number): number {
    const posting = this.get(key);
    return posting === undefined ? 0 : Array.isArray(posting) ? posting.length : 1;
  }
}

/** The low 32 bits of a 53-bit key are well mixed: six choose the shard, the others the place in it. */
function shardOf(key: number): number {
  return (key | 0) & (SHARDS - 1);
}

/** Open addressing, at most half full. */
class Shard<Owner> {
  private keys = new Float64Array(FIRST_CAPACITY).fill(FREE);
  private postings = new Array<Posting<Owner> | undefined>(FIRST_CAPACITY).fill(undefined);
  private used = 0;

  get(key: number): Posting<Owner> | undefined {
    const { keys } = this;
    const mask = keys.length - 1;
    for (let at = homeOf(key) & mask; ; at = (at + 1) & mask) {
      const found = keys[at];
      if (found === key) return this.postings[at];
      if (found === FREE) return undefined;
    }
  }

  set(key: number, posting: Posting<Owner>): void {
    const at = this.placeOf(key);
    if (this.keys[at] === FREE) {
      this.used++;
      if (this.used * 2 > this.keys.length) {
        this.grow();
        this.put(key, posting);
        return;
      }
      this.keys[at] = key;
    }
    this.postings[at] = posting;
  }

  /** Moves those behind it that would no longer be found. */
  delete(key: number): void {
    const { keys, postings } = this;
    const mask = keys.length - 1;
    let hole = this.placeOf(key);
    if (keys[hole] === FREE) return;
    this.used--;
    for (let at = (hole + 1) & mask; keys[at] !== FREE; at = (at + 1) & mask) {
      const home = homeOf(keys[at]!) & mask;
      const reachesHole = ((at - home) & mask) >= ((at - hole) & mask);
      if (!reachesHole) continue;
      keys[hole] = keys[at]!;
      postings[hole] = postings[at];
      hole = at;
    }
    keys[hole] = FREE;
    postings[hole] = undefined;
  }

  private placeOf(key: number): number {
    const { keys } = this;
    const mask = keys.length - 1;
    let at = homeOf(key) & mask;
    while (keys[at] !== key && keys[at] !== FREE) at = (at + 1) & mask;
    return at;
  }

  private put(key: number, posting: Posting<Owner> | undefined): void {
    const at = this.placeOf(key);
    this.keys[at] = key;
    this.postings[at] = posting;
  }

  private grow(): void {
    const { keys, postings } = this;
    this.keys = new Float64Array(keys.length * 2).fill(FREE);
    this.postings = new Array<Posting<Owner> | undefined>(keys.length * 2).fill(undefined);
    for (let at = 0; at < keys.length; at++) if (keys[at] !== FREE) this.put(keys[at]!, postings[at]);
  }
}

function homeOf(key: number): number {
  return (key | 0) >>> 6;
}
