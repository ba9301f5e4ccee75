import { waitFor } from '../../support/wait-for.js';
import type { StoredVersion } from './arrival.js';
import type { FaultRun } from './fault-run.js';
import { codeOf, type LoadWriter } from './load-writer.js';
import { readHistory } from './oracle.js';

/** Resolves when so many more writes were answered: the hubs are at work. */
export async function more(writer: LoadWriter, count: number): Promise<void> {
  const before = writer.answered;
  await waitFor(() => writer.answered >= before + count, {
    milliseconds: 60_000 + 50 * count,
    what: `${count} more answered writes`,
  });
}

/** Events that have arrived at a subscription and were taken, each counted once. */
export function arrived(run: FaultRun, name: string): number {
  const taken = run.sink.to(name).filter(({ accepted }) => accepted !== 'no');
  return new Set(taken.flatMap(({ events }) => events.map(({ number }) => number))).size;
}

/** Waits until each of these subscriptions has all there is for its code; `codes` says which code each is about. No writer may be writing. */
export async function untilServed(run: FaultRun, codes: ReadonlyMap<string, string>): Promise<StoredVersion[]> {
  const history = await readHistory(run.client.base, ['Observation']);
  const owed = Map.groupBy(history, (version) => codeOf(version) ?? '');
  for (const [name, code] of codes) {
    const count = owed.get(code)?.length ?? 0;
    await waitFor(() => arrived(run, name) >= count, { milliseconds: 60_000, what: `${count} events at ${name}` });
  }
  return history;
}
