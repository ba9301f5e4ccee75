import { expect } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { proxyToDatabase } from './harness/database-proxy.js';
import type { FaultProxy, Link } from './harness/fault-proxy.js';
import { CHANGED_TOPIC, faultTest } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

/** A silent connection is given up after the statement's time and five seconds, or a beat and its answer; TCP alone takes a quarter of an hour. */
const NOTICED_SECONDS = 30;

/** What a hub's connections are for, by the name they bring along in their first message. */
function namedLinks(proxy: FaultProxy): (name: string) => Link[] {
  const names = new Map<Link, string>();
  proxy.watch((piece, direction, link) => {
    const name = /application_name\0([^\0]*)\0/.exec(piece.toString('latin1'))?.[1];
    if (direction === 'up' && !names.has(link) && name !== undefined) names.set(link, name);
  });
  return (name) => [...proxy.links].filter((link) => names.get(link)?.startsWith(name));
}

faultTest(
  'half-open links to PostgreSQL: listening, presence and the pool each notice within half a minute, the work goes on, nothing is lost',
  async (run) => {
    const { proxy, database } = await proxyToDatabase(run.database);
    run.onClose(() => proxy.close());
    const links = namedLinks(proxy);
    await run.hubs({
      hubs: 2,
      env: { STATEMENT_SECONDS: '5' },
      each: (index) => (index === 0 ? { database } : {}),
    });
    for (const code of CODES) {
      await run.subscribe(code, {
        filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
        concerns: (version) => codeOf(version) === code,
      });
    }
    await run.subscribe('all', { topic: CHANGED_TOPIC, maxCount: 10, concerns: () => true });
    for (let round = 0; round < byLength(1, 6); round += 1) {
      const writer = run.write({ perSecond: 60, patienceMilliseconds: 20_000 });
      await waitFor(() => writer.answered >= 60, { milliseconds: 60_000, what: 'writes' });

      const [listening] = links('carillon wake-ups');
      const [presence] = links('carillon/');
      const pool = links('carillon').filter((link) => link !== listening && link !== presence);
      // One that is in use: where something was said since.
      const before = new Map(pool.map((link) => [link, link.passed.up]));
      const busy = await waitFor(() => pool.find((link) => link.passed.up > before.get(link)!), { what: 'a busy connection' });
      const cut = [listening!, presence!, busy];
      await run.disturbed(async () => {
        for (const link of cut) link.set({ kind: 'black-hole' });
        await waitFor(
          () => {
            const isOpen = (link: Link) => proxy.links.has(link) && !link.isLeftByClient;
            return cut.every((link) => !isOpen(link)) && links('carillon wake-ups').some((link) => link !== listening);
          },
          { milliseconds: NOTICED_SECONDS * 1000, what: 'the silent connections to be given up' },
        );
      });
      const noticed = writer.answered;
      await waitFor(() => writer.answered >= noticed + 100, { milliseconds: 60_000, what: 'writes as before' });
      await writer.stop();
      const verdict = await run.settle();
      expect(verdict.faults).toEqual([]);
      await waitFor(() => links('carillon/').some((link) => link !== presence), { what: 'a new sign of life' });
    }
  },
  byLength(300_000, 1_800_000),
);
