import pg from 'pg';

/**
 * Copies all rows and counters of a migrated database, as of one moment, into another migrated one: what pg_dump and a restore do. The embedded
 * PostgreSQL brings no pg_dump.
 */
export async function copyDatabase(fromUrl: string, toUrl: string): Promise<void> {
  const [from, to] = [fromUrl, toUrl].map((connectionString) => new pg.Client({ connectionString })) as [pg.Client, pg.Client];
  await Promise.all([from.connect(), to.connect()]);
  try {
    await from.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // One transaction for all, in which foreign keys wait for nothing: tables come in any order.
    await to.query('BEGIN; SET LOCAL session_replication_role = replica');
    const { rows: tables } = await from.query<{ name: string }>(`
      SELECT oid::regclass::text AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`);
    for (const { name } of tables) {
      const { rows } = await from.query<{ all_rows: string | null }>(`SELECT jsonb_agg(t)::text AS all_rows FROM ${name} AS t`);
      await to.query(`TRUNCATE ${name} CASCADE`);
      await to.query({
        text: `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_recordset(NULL::${name}, $1::jsonb)`,
        values: [rows[0]?.all_rows ?? '[]'],
      });
    }
    const { rows: counters } = await from.query<{ name: string; last: string }>(`
      SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS last
      FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL`);
    for (const { name, last } of counters) await to.query('SELECT setval($1::regclass, $2)', [name, last]);
    await to.query('COMMIT');
  } finally {
    await Promise.all([from.end(), to.end()]);
  }
}
