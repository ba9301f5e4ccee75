/**
 * The harness of the fault tests, in one place. A test
 *
 *   1. starts hubs on a database of their own:      `faultTest('…', async (run) => { await run.hubs({ hubs: 3 }); …`
 *   2. subscribes, saying in JavaScript what each   `await run.subscribe('red', { filters: ['Observation?code=…'], concerns: (v) => … })`
 *      subscription is to hear of:
 *   3. lets writers loose:                          `const writer = run.write({ connections: 4 })`
 *   4. breaks something:                            `run.cluster.places[0]!.kill()`, `run.sink.answer('red', …)`, a `FaultProxy`
 *   5. asks for the verdict:                        `await writer.stop(); const verdict = await run.settle(); expect(verdict.faults).toEqual([])`
 *
 * `settle` reads the history, lets the oracle (oracle.ts) say what had to be told, waits until that has come, and lets the checker
 * (check-deliveries.ts) judge everything recorded. Repetitions are excused only near a disturbance: kills and freezes of a HubPlace are
 * known; what a test does otherwise (the database away, an endpoint cut) it declares with `run.disturbed(…)`.
 * Whatever is random comes from `run.random`; a failure prints the seed, `FAULT_SEED=… FAULT_LENGTH=long` repeat it.
 */
import { test } from '@jest/globals';
import { cloneDatabase, type TestDatabase } from '../../support/clone-database.js';
import type { Answer } from '../../support/endpoint-receiver.js';
import { Client, topicSubscription, type TopicSubscription } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';
import { checkDeliveries, faultsOf, type Recording, type Verdict } from './check-deliveries.js';
import { HubCluster, type HubPlace } from './hub-cluster.js';
import { LoadWriter, type LoadOptions, writeFaults } from './load-writer.js';
import { type Concerns, expectedEvents, readHistory } from './oracle.js';
import { Random } from './random.js';
import { RecordingSink } from './recording-sink.js';
import { byLength, seedOfRun } from './run-length.js';

/** Tells of every create and update of an Observation; can be filtered by its code. */
export const WRITTEN_TOPIC = 'http://example.org/topics/fault-written';
/** Tells of deletes, too. */
export const CHANGED_TOPIC = 'http://example.org/topics/fault-changed';

const topic = (id: string, supportedInteraction: string[]) => ({
  resourceType: 'SubscriptionTopic',
  id,
  url: `http://example.org/topics/${id}`,
  status: 'active',
  resourceTrigger: [{ resource: 'Observation', supportedInteraction }],
  canFilterBy: [{ resource: 'Observation', filterParameter: 'code' }],
});

export interface FaultSubscription extends Omit<TopicSubscription, 'content'> {
  /** What it is to hear of, as the oracle sees it. */
  concerns: Concerns;
  /** What its endpoint answers; 200 if not given. */
  answer?: Answer;
  /** The hub at which it is made; any if not given. */
  at?: HubPlace;
}

export interface SettleOptions extends Pick<Recording, 'mostRepeatedEach' | 'firstNumber' | 'parked'> {
  milliseconds?: number;
}

/** A verdict with its sentences: what is wrong with the deliveries, and with what was stored. */
export interface RunVerdict extends Verdict {
  faults: string[];
  /** Events that were owed, over all subscriptions. */
  expected: number;
  /** Writes that were answered. */
  answered: number;
  summary: string;
}

/** A fault test: sentence, what it does, and how long it may take. Cleans up after itself and prints its seed when it fails. */
export function faultTest(
  name: string,
  body: (run: FaultRun) => Promise<void>,
  milliseconds = byLength(240_000, 1_800_000),
): void {
  test(
    name,
    async () => {
      const run = await FaultRun.start(seedOfRun());
      try {
        await body(run);
      } catch (error) {
        const said = run.hubOutput();
        throw new Error(`With FAULT_SEED=${run.random.seed}: ${(error as Error).message}\n${said}`, { cause: error });
      } finally {
        await run.close();
      }
    },
    milliseconds,
  );
}

export class FaultRun {
  readonly random: Random;
  private readonly subscriptions = new Map<string, { id: string; concerns: Concerns }>();
  private readonly writers: LoadWriter[] = [];
  private readonly closing: (() => Promise<unknown>)[] = [];
  private started?: HubCluster;

  private constructor(
    seed: number,
    readonly database: TestDatabase,
    readonly sink: RecordingSink,
  ) {
    this.random = new Random(seed);
  }

  static async start(seed: number): Promise<FaultRun> {
    const [database, sink] = await Promise.all([cloneDatabase(), RecordingSink.start()]);
    return new FaultRun(seed, database, sink);
  }

  get cluster(): HubCluster {
    if (this.started === undefined) throw new Error('No hubs yet: run.hubs(…) first');
    return this.started;
  }

  /** Starts hub processes, with the topics above. */
  async hubs(
    options: Partial<Omit<Parameters<typeof HubCluster.start>[0], 'database'>> & { hubs?: number } = {},
  ): Promise<HubCluster> {
    this.started = await HubCluster.start({ hubs: 3, ...options, database: this.database });
    await this.client.send('PUT', 'SubscriptionTopic/fault-written', topic('fault-written', ['create', 'update']));
    await this.client.send('PUT', 'SubscriptionTopic/fault-changed', topic('fault-changed', ['create', 'update', 'delete']));
    return this.started;
  }

  /** Of a hub that runs. */
  get client(): Client {
    const place = this.cluster.places.find(({ isUp }) => isUp);
    if (place === undefined) throw new Error('No hub runs');
    return new Client(place.hub);
  }

  /** Makes a rest-hook Subscription (other channels by `type`) to the sink's path of that name and waits until it is active. */
  async subscribe(name: string, { concerns, answer, at, ...options }: FaultSubscription): Promise<string> {
    if (answer !== undefined) this.sink.answer(name, answer);
    const client = at === undefined ? this.client : new Client(at.hub);
    const { id } = await client.create(
      topicSubscription({ topic: WRITTEN_TOPIC, endpoint: this.sink.url(name), ...options, content: 'full-resource' }),
    );
    this.subscriptions.set(name, { id, concerns });
    await client.untilStatus(id, 'active');
    return id;
  }

  idOf(name: string): string {
    return this.subscriptions.get(name)!.id;
  }

  /** Writers on the hubs that run; `settle` counts what they wrote. */
  write(options: Partial<LoadOptions> = {}): LoadWriter {
    const random = this.random.branch(`load ${this.writers.length}`);
    const writer = LoadWriter.start({ bases: this.cluster.bases, random, ...options });
    this.writers.push(writer);
    this.closing.push(() => writer.stop());
    return writer;
  }

  /** Declares that what `work` does may lead to repetitions. */
  async disturbed<T>(work: () => T | Promise<T>): Promise<T> {
    this.cluster.disturbances.push({ from: performance.now() });
    return work();
  }

  /** Something to close at the end, before the hubs and the database. */
  onClose(work: () => Promise<unknown>): void {
    this.closing.push(work);
  }

  /** Writers must have stopped. Waits for what had to come, then judges. What does not come in time is lost. */
  async settle({ milliseconds = 60_000, ...tolerance }: SettleOptions = {}): Promise<RunVerdict> {
    const history = await waitFor(() => readHistory(this.client.base, ['Observation']), { what: 'the history' });
    const expected = expectedEvents(
      history,
      [...this.subscriptions].map(([name, { concerns }]) => [name, concerns] as const),
    );
    const recording = (): Recording => ({
      expected,
      arrivals: this.sink.arrivals,
      disturbances: this.cluster.disturbances,
      ...tolerance,
    });
    const isThere = () => checkDeliveries(recording()).lost.length === 0;
    await waitFor(isThere, { milliseconds, stepMilliseconds: 50 }).catch(() => undefined);
    const totals = await this.totalFaults(expected, tolerance.firstNumber);
    const verdict = checkDeliveries(recording());
    const writes = this.writers.flatMap((writer) => writer.writes);
    const refusals = this.writers.flatMap((writer) => writer.refusals);
    const owed = [...expected.values()].reduce((sum, { length }) => sum + length, 0);
    const empty = owed === 0 ? ['nothing was owed, so nothing was shown'] : [];
    const faults = [...empty, ...writeFaults(writes, history), ...refusals, ...faultsOf(verdict), ...totals];
    const answered = writes.filter(({ outcome }) => outcome === 'answered').length;
    const summary =
      `${answered} of ${writes.length} writes answered, ${owed} events owed: lost ${verdict.lost.length}, ` +
      `out of order ${verdict.outOfOrder.length}, repeated ${verdict.repeats}`;
    return { ...verdict, faults, expected: owed, answered, summary };
  }

  /** The hub's own count of events says whether more are on their way than were owed. */
  private async totalFaults(
    expected: ReadonlyMap<string, readonly string[]>,
    first?: ReadonlyMap<string, number>,
  ): Promise<string[]> {
    const faults: string[] = [];
    for (const [name, { id }] of this.subscriptions) {
      const { body } = await this.client.send('GET', `Subscription/${id}/$status`);
      const total = Number(body.entry[0].resource.eventsSinceSubscriptionStart);
      const owed = (first?.get(name) ?? 1) - 1 + (expected.get(name)?.length ?? 0);
      if (total !== owed) faults.push(`${name}: the hub counts ${total} events, owed were ${owed}`);
    }
    return faults;
  }

  /** The last lines that warn, of all hubs that run: what a failed test wants to see. */
  hubOutput(): string {
    const places = this.started?.places ?? [];
    return places
      .filter(({ isUp }) => isUp)
      .map(({ name, hub }) => {
        const lines = hub.output().split('\n');
        return `--- ${name}\n${lines
          .filter((line) => /"level":(4|5|6)0|shards|matching\./.test(line))
          .slice(-15)
          .join('\n')}`;
      })
      .join('\n');
  }

  async close(): Promise<void> {
    for (const work of this.closing.splice(0).reverse()) await work().catch(() => undefined);
    await this.started?.stop();
    await this.sink.close();
    await this.database.drop();
  }
}
