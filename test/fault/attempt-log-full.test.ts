import { expect } from '@jest/globals';
import pg from 'pg';
import { waitFor } from '../support/wait-for.js';
import { faultTest } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { more } from './harness/progress.js';
import { byLength } from './harness/run-length.js';

/** What PostgreSQL says when the tablespace of the record of attempts is full. */
const FULL = `
  CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
  CREATE TRIGGER disk_is_full BEFORE INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION disk_is_full();`;

faultTest(
  'with the disk of the record of attempts full, deliveries go on, and the trouble is told now and then, not each time',
  async (run) => {
    await run.hubs({ hubs: 1 });
    for (const code of CODES) {
      await run.subscribe(code, {
        filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
        concerns: (version) => codeOf(version) === code,
      });
    }
    const client = new pg.Client({ connectionString: run.database.url });
    await client.connect();
    run.onClose(() => client.end());
    const kept = async () =>
      (await client.query<{ count: number }>('SELECT count(*)::integer AS count FROM attempt')).rows[0]!.count;
    await client.query(FULL);
    const before = await kept();

    const writer = run.write({ connections: 4, perSecond: 100 });
    await more(writer, byLength(300, 10_000));
    await writer.stop();
    const verdict = await run.settle();
    console.log(verdict.summary);
    expect(verdict.faults).toEqual([]);
    expect(await kept()).toBe(before);

    const { hub } = run.cluster.places[0]!;
    const told = () =>
      hub
        .output()
        .split('\n')
        .filter((line) => line.includes('attempts-not-kept'));
    await waitFor(() => told().length > 0, { milliseconds: 60_000, what: 'a word about it in the log' });
    expect(told().length).toBeLessThan(verdict.expected / 20);
    expect(JSON.parse(told()[0]!)).toMatchObject({ err: { code: '53100' } });

    // With room again, attempts are kept again.
    await client.query('DROP TRIGGER disk_is_full ON attempt');
    const after = run.write({ connections: 1 });
    await more(after, 20);
    await after.stop();
    await waitFor(async () => (await kept()) > before, { milliseconds: 60_000, what: 'attempts to be kept again' });
  },
);
