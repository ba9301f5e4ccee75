/**
 * Settings of a session by which PostgreSQL notices within half a minute that the machine at the other end is gone, or the way to it: its
 * locks, its transaction and its sign of life end with it. The system's own times are two hours. Without effect on Unix sockets, whose
 * ends the kernel tells. https://www.postgresql.org/docs/18/runtime-config-connection.html#RUNTIME-CONFIG-TCP-SETTINGS
 */
export const DEAD_PEER_SETTINGS: Readonly<Record<string, string | number>> = {
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
  tcp_user_timeout: '25s',
};

/** The same from our end: probes after ten idle seconds, given up ten seconds later (the interval of Node's probes is a second). */
export const DEAD_PEER_PROBES = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/** As the `options` of a connection string. */
export function sessionOptions(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${String(value)}`)
    .join(' ');
}
