import type { TestDatabase } from '../../support/clone-database.js';
import { FaultProxy, type Link } from './fault-proxy.js';

/** A way of its own to a test's database, by TCP, which can be broken. What it leads to is the same database. */
export async function proxyToDatabase(database: TestDatabase): Promise<{ proxy: FaultProxy; database: TestDatabase }> {
  const url = new URL(database.url);
  const folder = url.searchParams.get('host');
  const target = folder === null ? { host: url.hostname, port: Number(url.port || 5432) } : { path: `${folder}/.s.PGSQL.5432` };
  const proxy = await FaultProxy.start(target);
  return { proxy, database: { ...database, url: `postgres://postgres@127.0.0.1:${proxy.port}${url.pathname}` } };
}

/**
 * A moment in what a hub says to PostgreSQL, told from the bytes on the wire, where statements bear their names.
 * - `before`: the statement is on its way and PostgreSQL has not seen it
 * - `after`: PostgreSQL has done it (and committed, if it stands alone), and the hub does not know yet
 * - `committed`: the transaction with this statement in it is committed, and the hub does not know yet
 */
export interface Moment {
  when: 'before' | 'after' | 'committed';
  statement: string;
}

/** Holds back everything of that connection at the moment, and runs `act` once, before it goes on. */
export function atMoment(proxy: FaultProxy, { when, statement }: Moment, act: () => Promise<void>): void {
  const name = Buffer.from(`${statement}\0`);
  const commit = Buffer.from('COMMIT\0');
  const said = new WeakMap<Link, 'it' | 'commit'>();
  let acted = false;
  proxy.watch(async (piece, direction, link) => {
    if (acted) return;
    const before = said.get(link);
    if (direction === 'up') {
      if (piece.includes(name)) said.set(link, 'it');
      else if (before === 'it' && when === 'committed' && piece.includes(commit)) said.set(link, 'commit');
      if (when !== 'before' || said.get(link) !== 'it') return;
    } else if (before !== (when === 'committed' ? 'commit' : 'it') || when === 'before') return;
    acted = true;
    await act();
  });
}
