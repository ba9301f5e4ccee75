import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, startHub } from '../../demo/hub-process.ts';
import { Receiver } from '../../demo/receiver.ts';
import { classicSubscription } from '../../demo/subscriptions.ts';
import { type Bench, percentile } from '../figure.ts';
import { create, load, untilActive, waitFor } from '../http-load.ts';
import { GLUCOSE, observation } from '../observations.ts';

/** From the start of the process until it is ready: with an empty folder, and with the same one again; and memory once it is idle. */
export const start: Bench = async ({ quick }) => {
  const first = await startHub();
  await first.end('SIGTERM');
  const again: number[] = [];
  let hub = await startHub({ dataDir: first.dataDir });
  for (let round = 0; round < (quick ? 1 : 4); round += 1) {
    again.push(hub.startMilliseconds);
    await hub.end('SIGTERM');
    hub = await startHub({ dataDir: first.dataDir });
  }
  await wait(quick ? 1_000 : 10_000);
  const memory = memoryOf(hub.pid);
  await hub.remove();
  return [
    {
      row: 'start to ready, first time',
      ran: 'an empty DATA_DIR, built before',
      value: first.startMilliseconds,
      unit: 'ms',
      target: '≤ 3 s',
    },
    {
      row: 'start to ready, after',
      ran: `median of ${again.length}`,
      value: percentile(again, 0.5),
      unit: 'ms',
      target: '≤ 2 s',
    },
    {
      row: 'idle memory',
      ran: 'resident size of the hub’s process, idle for 10 s',
      value: memory.hub,
      unit: 'MB',
      target: '≤ 250 MB',
      note: `and ${memory.postgres} MB (proportional) for its PostgreSQL`,
    },
  ];
};

/** Killed in the midst of writes; the same folder is started again; until the last acknowledged change has been notified. */
export const recovery: Bench = async ({ quick }) => {
  const port = await freePort();
  const answered = new Set<string>();
  const arrived = new Map<string, number>();
  const receiver = new Receiver(({ path, at }) => arrived.set(path.slice(path.lastIndexOf('/') + 1), at));
  await receiver.start();
  let hub = await startHub({ port });
  const times: number[] = [];
  let lost = 0;
  try {
    const channel = { type: 'rest-hook' as const, endpoint: receiver.url, payload: 'application/fhir+json' };
    await untilActive(hub.fhir, [await create(hub.fhir, classicSubscription(`Observation?code=${GLUCOSE}`, channel))]);
    for (let round = 0; round < (quick ? 1 : 5); round += 1) {
      const post = (n: number) => ({ method: 'POST' as const, path: '/fhir/r4b/Observation', body: observation(n % 100) });
      const writing = load(hub.url, 16, 1_000_000, post, {
        answered: (_n, _at, body) => answered.add((JSON.parse(body) as { id: string }).id),
      }).catch(() => undefined);
      await wait(1_500);
      await hub.end('SIGKILL');
      await writing;
      const restarted = performance.now();
      hub = await startHub({ port, dataDir: hub.dataDir });
      await waitFor(() => [...answered].every((id) => arrived.has(id)), 90);
      const late = [...answered].map((id) => arrived.get(id) ?? Number.NaN);
      lost += late.filter(Number.isNaN).length;
      times.push(Math.max(0, Math.max(...late.filter((at) => !Number.isNaN(at))) - restarted));
      answered.clear();
    }
    return [
      {
        row: 'kill -9 amid writes: restart → last acknowledged change notified',
        ran: `${times.length} times, 16 connections writing, one rest-hook; includes the start`,
        ...{ p50: percentile(times, 0.5) / 1_000, p99: percentile(times, 0.99) / 1_000, unit: 's' as const },
        target: '≤ 5 s, nothing lost',
        note: lost === 0 ? 'nothing lost' : `${lost} LOST`,
      },
    ];
  } finally {
    await hub.remove();
    await receiver.stop();
  }
};

/** Megabytes: resident of the hub, and proportional (shared pages counted once) of all its PostgreSQL processes. Linux only. */
function memoryOf(pid: number): { hub: number; postgres: number } {
  const hub = kilobytes(`/proc/${pid}/status`, 'VmRSS');
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isUnder(Number(name), pid));
  const postgres = children.reduce((sum, child) => sum + kilobytes(`/proc/${child}/smaps_rollup`, 'Pss'), 0);
  return { hub: Math.round(hub / 1_024), postgres: Math.round(postgres / 1_024) };
}

function isUnder(pid: number, ancestor: number): boolean {
  for (let one = pid; one > 1;) {
    one = Number(/^\S+ \(.*\) \S (\d+)/s.exec(read(`/proc/${one}/stat`))?.[1] ?? 0);
    if (one === ancestor) return true;
  }
  return false;
}

function kilobytes(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(file))?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
