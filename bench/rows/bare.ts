import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Bench, type Figure, latency, percentile } from '../figure.ts';
import { built } from '../built.ts';
import { load } from '../http-load.ts';
import { observation } from '../observations.ts';

/** What this machine can do at most: a listener that does nothing, and a durable insert with nothing around it. */
export const bare: Bench = async ({ quick }) => [...(await listener(quick)), ...(await inserts(quick))];

async function listener(quick: boolean): Promise<Figure[]> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(201).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const count = quick ? 5_000 : 50_000;
  const result = await load(url, 32, count, (n) => ({ method: 'POST', path: '/', body: observation(n % 100) }));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return [
    {
      row: 'bare: POST to a listener in the loader’s own process',
      ran: `${count} of 1.7 KB, 32 connections`,
      rate: result.rate,
      ...latency(result.latencies),
    },
  ];
}

/** On a PostgreSQL as the hub runs it, with its settings. */
async function inserts(quick: boolean): Promise<Figure[]> {
  const { PostgresServer } = await built<typeof import('../../src/storage/postgres/postgres-server.js')>(
    'storage/postgres/postgres-server.js',
  );
  const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'));
  const nothing = (): void => {};
  const listeners = { recovered: nothing, died: nothing, restarted: nothing, restartFailed: nothing };
  const server = await PostgresServer.start({ folder: join(folder, 'postgres') }, listeners);
  const url = server.url('postgres');
  const figures: Figure[] = [];
  try {
    for (const connections of [1, 8, 32]) {
      const pool = new pg.Pool({ connectionString: url, max: connections });
      // The server is stopped while the last of its connections are being closed.
      pool.on('error', () => {});
      await pool.query('CREATE TABLE IF NOT EXISTS bare_insert (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)');
      const count = (quick ? 300 : 3_000) * Math.min(connections, 8);
      const times: number[] = [];
      let next = 0;
      const started = performance.now();
      const one = async (): Promise<void> => {
        while (next++ < count) {
          const sent = performance.now();
          await pool.query({ name: 'insert', text: 'INSERT INTO bare_insert (body) VALUES ($1)', values: [observation(1)] });
          times.push(performance.now() - sent);
        }
      };
      await Promise.all(Array.from({ length: connections }, one));
      figures.push({
        row: `bare: one durable insert, ${connections} connections`,
        ran: `${count} rows of 1.7 KB`,
        rate: (count / (performance.now() - started)) * 1_000,
        ...{ p50: percentile(times, 0.5), p99: percentile(times, 0.99), unit: 'ms' as const },
      });
      await pool.end();
    }
    return figures;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
