/**
 * Settings of the embedded PostgreSQL, for a small machine (2 cores, a few GB) that it shares with the hub.
 * `fsync` and `synchronous_commit` stay on: an acknowledged change survives a power cut.
 */
export const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  // Only the socket in its own private folder; nothing listens on the network.
  listen_addresses: '',
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  // The hub's pool, its listener and migrations, and room for an operator's psql.
  max_connections: '100',
  shared_buffers: '128MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  // One query per core serves many clients better than one query on all cores; short queries do not repay compiling.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  // Checkpoints by time rather than by volume while changes pour in: fewer full-page images in the log.
  max_wal_size: '2GB',
  min_wal_size: '128MB',
  checkpoint_timeout: '10min',
  wal_buffers: '16MB',
  // The data lies on a solid-state disk or in memory.
  random_page_cost: '1.1',
  effective_cache_size: '1GB',
  // Small hot tables (cursors, leases) are updated all the time.
  autovacuum_naptime: '15s',
  autovacuum_vacuum_cost_delay: '1ms',
  // Enough for pg_basebackup of the running hub.
  wal_level: 'replica',
  max_wal_senders: '2',
  // Statements and their values hold patients' data: never in the log. Clients get their errors anyway.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
  log_timezone: 'UTC',
  timezone: 'UTC',
  // A writer that stalls in its transaction holds up the tail of the change log for all.
  idle_in_transaction_session_timeout: '60s',
};
