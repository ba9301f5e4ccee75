/**
 * SQL: the process named in `column` is a hub that is gone. Every hub keeps one connection that bears its name (HubPresence), and
 * PostgreSQL closes it the moment the process dies: what it leased is free at once, without waiting for the lease to run out. Names that
 * are not a hub's are judged by their lease alone.
 */
export function holderIsGone(column: string): string {
  return `(${column} LIKE 'carillon/%' AND NOT EXISTS (
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = ${column}))`;
}
