import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type HubProcess, startHub } from '../../demo/hub-process.ts';
import { type Bench, type BenchOptions, type Figure, latency } from '../figure.ts';
import { load } from '../http-load.ts';
import { Hospital } from '../pull/hospital.ts';
import { explained, type Plan, type Size, sizesOnDisk } from '../pull/plans.ts';
import { type BenchQuery, benchQueries, type Loaded } from '../pull/queries.ts';

const CONNECTIONS = 8;
/** How often each query is explained, with different values: from the third on the pages it needs are mostly in memory. */
const EXPLAINED = 4;
const MOST_INDEXING_SECONDS = 1_200;

/** Reads by id and searches over very many Observations: how fast, by which plans, and what the indexes take. */
export const pull: Bench = async (options) => {
  const observations = options.quick ? Math.min(options.observations, 20_000) : options.observations;
  const hospital = new Hospital({ observations, patients: Math.max(10, Math.round(observations / 100)) });
  const { hub, filled, figures } = await filledHub(hospital, options);
  const size = `${observations.toLocaleString('en')} Observations of ${hospital.size.patients.toLocaleString('en')} patients`;
  try {
    figures.push(...(await reads(hub, filled, options.quick, size)));
    const plans = await explained(hub.dataDir);
    try {
      for (const query of benchQueries(hospital, filled)) {
        figures.push(await searches(hub, query, await plansOf(query, plans), options.quick, size));
        progress(`${query.name}: done`);
      }
    } finally {
      await plans.close();
    }
    figures.push(...indexSizes(await sizesOnDisk(hub.dataDir), filled));
    return figures;
  } finally {
    await (options.keep === undefined ? hub.remove() : hub.end('SIGTERM'));
  }
};

/** What is known of filled data. */
interface Filled extends Loaded {
  observations: number;
  resources: number;
  ids: string[];
}

/** A hub with the data in it: that of the folder to keep where it is filled already. */
async function filledHub(
  hospital: Hospital,
  { keep }: Pick<BenchOptions, 'keep'>,
): Promise<{ hub: HubProcess; filled: Filled; figures: Figure[] }> {
  const folder = keep === undefined ? undefined : resolve(keep);
  const note = folder === undefined ? undefined : join(folder, 'filled.json');
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const dataDir = folder === undefined ? undefined : join(folder, 'data');
  const hub = await startHub({ dataDir, keepsData: dataDir !== undefined });
  try {
    if (note !== undefined && existsSync(note)) {
      const filled = JSON.parse(readFileSync(note, 'utf8')) as Filled;
      if (filled.observations !== hospital.size.observations)
        throw new Error(`${folder!} holds ${filled.observations} Observations, not ${hospital.size.observations}`);
      return { hub, filled, figures: [] };
    }
    const { filled, figure } = await fill(hub, hospital);
    const figures = [figure, await indexedFigure(hub)];
    if (note !== undefined) writeFileSync(note, JSON.stringify(filled));
    return { hub, filled, figures };
  } catch (error) {
    await (folder === undefined ? hub.remove() : hub.end('SIGTERM'));
    throw error;
  }
}

async function fill(hub: HubProcess, hospital: Hospital): Promise<{ filled: Filled; figure: Figure }> {
  const ids: string[] = [];
  let resources = 0;
  let done = 0;
  const began = Date.now();
  const people = hospital.people();
  const transactions = Math.ceil(people.length / 100);
  const send = (count: number, entriesOf: (n: number) => readonly string[]) =>
    load(
      hub.url,
      6,
      count,
      (n) => {
        const entries = entriesOf(n);
        resources += entries.length;
        return {
          method: 'POST',
          path: '/fhir/r4b',
          body: `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`,
        };
      },
      {
        answered: (n, _at, body) => {
          if (n % 10 === 0)
            ids.push(...[...body.matchAll(/Observation\/([A-Za-z0-9\-.]+)\/_history/g)].map((match) => match[1]!));
          if (++done % 500 === 0)
            progress(`filled ${resources.toLocaleString('en')} resources in ${Math.round((Date.now() - began) / 1000)} s`);
        },
      },
    );
  const first = await send(transactions, (n) => people.slice(n * 100, (n + 1) * 100));
  const second = await send(hospital.arrivals, (n) => hospital.arrival(n));
  const failed = first.failed + second.failed;
  const seconds = first.seconds + second.seconds;
  return {
    filled: { began, ended: Date.now(), observations: hospital.size.observations, resources, ids },
    figure: {
      row: 'filling',
      ran: `${resources.toLocaleString('en')} resources in transactions of about 105, 6 connections`,
      rate: resources / seconds,
      ...(failed === 0 ? {} : { failed: `${failed} transactions` }),
    },
  };
}

/** Searches are measured once nothing of the filling is left to do: full text follows behind the writes. */
async function indexedFigure({ url }: HubProcess): Promise<Figure> {
  const started = performance.now();
  const unindexed = /^carillon_full_text_unindexed_changes (\d+)$/m;
  for (;;) {
    const seconds = (performance.now() - started) / 1_000;
    const left = unindexed.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    if (left === '0')
      return {
        row: 'full text of it indexed',
        ran: 'from the end of filling, with nothing else to do',
        value: seconds,
        unit: 's',
      };
    if (seconds > MOST_INDEXING_SECONDS)
      throw new Error(`Full text is ${left ?? 'an unknown number of'} changes behind after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function reads({ url }: HubProcess, { ids }: Filled, quick: boolean, size: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  const path = (n: number) => `/fhir/r4b/Observation/${ids[(n * 7919) % ids.length]}`;
  // A hub that was just started reads at two thirds of its pace until its code is compiled.
  await load(url, CONNECTIONS, quick ? 500 : 60_000, (n) => ({ method: 'GET', path: path(n + 3) }));
  for (const connections of [CONNECTIONS, 32]) {
    const count = quick ? 5_000 : 60_000;
    const read = await load(url, connections, count, (n) => ({ method: 'GET', path: path(n) }));
    figures.push({
      row: 'read',
      ran: `${count.toLocaleString('en')} at ${connections} connections, ${size}`,
      rate: read.rate,
      ...latency(read.latencies),
      target: '≥ 12,000/s',
      ...failedAnswers(read.failed),
    });
  }
  return figures;
}

async function plansOf(query: BenchQuery, { plans }: Awaited<ReturnType<typeof explained>>): Promise<Plan[]> {
  let last: Plan[] = [];
  const faults = new Set<string>();
  for (let n = 0; n < EXPLAINED; n++) {
    last = await plans(query.path(n + 1));
    for (const fault of last.flatMap((plan) => plan.faults)) faults.add(fault);
  }
  return last.map((plan, n) => (n === 0 ? { ...plan, faults: [...faults] } : plan));
}

async function searches(
  { url, pid }: HubProcess,
  { name, path, p99 }: BenchQuery,
  plans: readonly Plan[],
  quick: boolean,
  size: string,
): Promise<Figure> {
  // What takes long by itself is not asked eight times at once: it would be cancelled for that, and told so.
  const [connections, least] = p99 === undefined ? [2, 20] : [CONNECTIONS, 100];
  const ask = (count: number, from: number) =>
    load(url, connections, count, (n) => ({ method: 'GET', path: `/fhir/r4b/${path(n + from)}` }));
  // Warm for some seconds, then as often as goes into some more, but often enough that a hundredth means something.
  const warmed = await ask(connections * 5, 100_000);
  const trial = warmed.rate < 50 ? warmed : await ask(quick ? 20 : Math.round(Math.min(4_000, warmed.rate * 3)), 200_000);
  const count = quick ? least : Math.max(least, Math.min(5_000, Math.round(trial.rate * 6)));
  const cpu = cpuOf(pid);
  const search = await ask(count, 0);
  const faults = [...new Set(plans.flatMap((plan) => plan.faults))];
  const inDatabase = plans.reduce((sum, plan) => sum + plan.milliseconds, 0);
  const buffers = plans.reduce((sum, plan) => sum + plan.buffers, 0);
  const failed = [...(search.failed > 0 ? [`${search.failed} answers`] : []), ...faults].join('; ');
  return {
    row: `search: ${name}`,
    ran: `${count.toLocaleString('en')} at ${connections} connections, ${size}`,
    rate: search.rate,
    ...latency(search.latencies),
    ...(p99 === undefined ? {} : { target: `p99 ≤ ${p99} ms` }),
    note: `once, by EXPLAIN: ${plans.length} statements, ${inDatabase.toFixed(1)} ms, ${buffers.toLocaleString('en')} pages; ${((cpuOf(pid) - cpu) / count).toFixed(2)} ms CPU of the hub each`,
    ...(failed === '' ? {} : { failed }),
    text: `== ${name}\n${path(EXPLAINED)}\n\n${plans.map(({ text }) => text).join('\n\n')}\n`,
  };
}

function indexSizes(sizes: readonly Size[], { resources }: Filled): Figure[] {
  const sum = (some: readonly Size[]) => some.reduce((total, { bytes }) => total + bytes, 0);
  const bodies = sizes.filter(({ name }) => name.startsWith('resource_version'));
  const search = sizes.filter((size) => !bodies.includes(size));
  const each = (some: readonly Size[]) => some.map(({ name, bytes }) => `${name} ${Math.round(bytes / resources)}`).join(', ');
  const ran = `bytes on the disk, ${resources.toLocaleString('en')} resources`;
  return [
    {
      row: 'size of a resource in the indexes of search',
      ran,
      value: sum(search) / resources,
      unit: 'bytes',
      note: each(search),
    },
    { row: 'size of a resource in the change log', ran, value: sum(bodies) / resources, unit: 'bytes', note: each(bodies) },
  ];
}

function failedAnswers(count: number): Pick<Figure, 'failed'> {
  return count === 0 ? {} : { failed: `${count} answers` };
}

/** Milliseconds of CPU that a process has used; 0 where the system does not tell. */
function cpuOf(pid: number): number {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return 0;
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
