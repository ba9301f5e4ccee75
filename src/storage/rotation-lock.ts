import pg from 'pg';

/** Any number that nobody else locks. */
const LOCK = 3_118_991_216n;

/** Does the work while no other process rotates the keys of this database; waits for one that does. Ends with the process. */
export async function whileNobodyElseRotates<T>(url: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'carillon rotation' });
  // A lost connection fails the next statement of the work, too.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    return await work();
  } finally {
    await client.end().catch(() => {});
  }
}
