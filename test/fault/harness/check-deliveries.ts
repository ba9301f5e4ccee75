import { type Arrival, resourceOf } from './arrival.js';

/** A moment from which on a repetition is excused: a process was killed, frozen, or lost the database. */
export interface Disturbance {
  /** Right before it was done, in the milliseconds of `performance.now()`. */
  from: number;
}

export interface Recording {
  /** What each subscription had to be told: versions (`Type/id/n`), those of one resource in their order. */
  expected: ReadonlyMap<string, readonly string[]>;
  arrivals: readonly Arrival[];
  disturbances?: readonly Disturbance[];
  /**
   * How many of the newest events of a subscription one disturbance may have repeated: what was under way and not yet written down.
   * Acknowledgements are written every 10 ms, so this follows from how fast the destination answers.
   */
  mostRepeatedEach?: number;
  /** Number of the first event expected; 1 if not given. */
  firstNumber?: ReadonlyMap<string, number>;
  /** Numbers that were set aside on purpose, by subscription: they may be missing. */
  parked?: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface Verdict {
  /** Expected and never taken. */
  lost: string[];
  /** Told of, though not expected. */
  invented: string[];
  /** Numbers left out, beyond the last, or borne by two events. */
  misnumbered: string[];
  /** First arrivals not in the order of numbers, or versions of one resource numbered against their order. */
  outOfOrder: string[];
  /** Taken before and sent again with no disturbance to excuse it, or under another id. */
  unexcused: string[];
  /** Events taken once that came again within the window of a disturbance. */
  repeats: number;
}

const MOST_TOLD = 8;

/** Everything wrong in a verdict, as sentences, of each kind the first few; empty: nothing. */
export function faultsOf(verdict: Verdict): string[] {
  const { lost, invented, misnumbered, outOfOrder, unexcused } = verdict;
  const groups = { lost, invented, misnumbered, outOfOrder, unexcused };
  return Object.entries(groups).flatMap(([name, entries]) => [
    ...entries.slice(0, MOST_TOLD).map((entry) => `${name}: ${entry}`),
    ...(entries.length > MOST_TOLD ? [`${name}: ${entries.length - MOST_TOLD} more`] : []),
  ]);
}

/** Compares what was told with what had to be told. It knows nothing of how the hub works; only what is promised. */
export function checkDeliveries(recording: Recording): Verdict {
  const verdict: Verdict = { lost: [], invented: [], misnumbered: [], outOfOrder: [], unexcused: [], repeats: 0 };
  const byName = Map.groupBy(recording.arrivals, ({ to }) => to);
  for (const name of byName.keys()) {
    if (!recording.expected.has(name)) verdict.invented.push(`${name} was not to be told anything`);
  }
  for (const [name, expected] of recording.expected) {
    const arrivals = (byName.get(name) ?? []).toSorted((one, other) => one.at - other.at);
    checkOne(name, expected, arrivals, recording, verdict);
  }
  return verdict;
}

function checkOne(
  name: string,
  expected: readonly string[],
  arrivals: readonly Arrival[],
  recording: Recording,
  verdict: Verdict,
): void {
  const firstNumber = recording.firstNumber?.get(name) ?? 1;
  const parked = recording.parked?.get(name) ?? new Set<number>();
  const wanted = new Set(expected);
  const versionOf = new Map<number, string>();
  const numberOf = new Map<string, number>();
  let highest = firstNumber - 1;

  for (const { events } of arrivals) {
    for (const { number, version } of events) {
      const known = versionOf.get(number);
      if (known !== undefined) {
        if (known !== version) verdict.misnumbered.push(`${name}: number ${number} is ${known} and ${version}`);
        continue;
      }
      versionOf.set(number, version);
      if (number < highest) verdict.outOfOrder.push(`${name}: number ${number} first came after ${highest}`);
      highest = Math.max(highest, number);
      const other = numberOf.get(version);
      if (other !== undefined) verdict.misnumbered.push(`${name}: ${version} has the numbers ${other} and ${number}`);
      else numberOf.set(version, number);
      if (!wanted.has(version)) verdict.invented.push(`${name}: number ${number}, ${version}`);
    }
  }

  const taken = new Set(
    arrivals.filter(({ accepted }) => accepted !== 'no').flatMap(({ events }) => events.map((e) => e.number)),
  );
  for (const version of expected) {
    const number = numberOf.get(version);
    if (number === undefined) {
      // What was set aside never came under its number; that there is one such number for it is counted below.
      if (parked.size === 0) verdict.lost.push(`${name}: ${version}`);
    } else if (!taken.has(number) && !parked.has(number))
      verdict.lost.push(`${name}: ${version}, number ${number}, was never taken`);
  }
  const last = firstNumber + expected.length - 1;
  for (let number = firstNumber; number <= last; number += 1) {
    if (!versionOf.has(number) && !parked.has(number)) verdict.misnumbered.push(`${name}: number ${number} never came`);
  }
  for (const number of versionOf.keys()) {
    if (number < firstNumber || number > last)
      verdict.misnumbered.push(`${name}: number ${number} is none of ${firstNumber}–${last}`);
  }
  checkVersionOrder(name, expected, numberOf, verdict);
  checkRepeats(name, arrivals, recording, verdict);
}

function checkVersionOrder(
  name: string,
  expected: readonly string[],
  numberOf: ReadonlyMap<string, number>,
  verdict: Verdict,
): void {
  for (const versions of Map.groupBy(expected, resourceOf).values()) {
    let before = 0;
    for (const version of versions) {
      const number = numberOf.get(version);
      if (number === undefined) continue;
      if (number < before) verdict.outOfOrder.push(`${name}: ${version} has number ${number}, a version before it ${before}`);
      before = Math.max(before, number);
    }
  }
}

function checkRepeats(name: string, arrivals: readonly Arrival[], recording: Recording, verdict: Verdict): void {
  const disturbances = recording.disturbances ?? [];
  const most = recording.mostRepeatedEach ?? 32;
  const taken = new Set<number>();
  const idOf = new Map<string, string>();
  const stretchOf = new Map<string, string>();
  const highestBefore = disturbances.map(({ from }) =>
    Math.max(0, ...arrivals.filter(({ at }) => at <= from).flatMap(({ events }) => events.map(({ number }) => number))),
  );
  for (const { events, accepted, at, webhookId } of arrivals) {
    if (webhookId !== undefined) {
      // The same events go out under the same id, and no other events do.
      const stretch = `${events[0]?.number}-${events.at(-1)?.number}`;
      const known = stretchOf.get(webhookId) ?? stretch;
      if (known !== stretch) verdict.unexcused.push(`${name}: id ${webhookId} is ${known} and ${stretch}`);
      const other = idOf.get(stretch) ?? webhookId;
      if (other !== webhookId) verdict.unexcused.push(`${name}: ${stretch} has the ids ${other} and ${webhookId}`);
      stretchOf.set(webhookId, stretch);
      idOf.set(stretch, webhookId);
    }
    for (const { number } of events) {
      if (taken.has(number)) {
        const excuse = disturbances.some(
          ({ from }, index) => at >= from && number > highestBefore[index]! - most && number <= highestBefore[index]! + most,
        );
        if (excuse) verdict.repeats += 1;
        else verdict.unexcused.push(`${name}: number ${number} came again without cause`);
      }
    }
    if (accepted === 'yes') for (const { number } of events) taken.add(number);
  }
}
