import { byteSize, oneOf, optionalUrl, port, setting, text, wholeNumber } from './setting.js';

/**
 * Every setting of the hub, by the slice that uses it. One line adds one: its place here is its name in the code, the first word its
 * name in the environment, the last its default as it would be written there. `docs/configuration.md` explains each (a test keeps
 * the two together).
 */
export const SETTINGS = {
  http: {
    port: setting('PORT', port, '8080'),
    host: setting('HOST', text, '127.0.0.1'),
    /** Without a trailing slash; empty: `http://HOST:PORT`. */
    publicUrl: setting('PUBLIC_URL', text, ''),
    maxBodyBytes: setting('MAX_BODY_BYTES', byteSize(1024, 2 ** 30), '16 MiB'),
    requestSeconds: setting('REQUEST_SECONDS', wholeNumber(1, 3600), '60'),
  },
  storage: {
    dataDir: setting('DATA_DIR', text, './.data'),
    databaseUrl: setting('DATABASE_URL', optionalUrl),
    poolSize: setting('POOL_SIZE', wholeNumber(2, 200), '16'),
  },
  pull: {
    searchSeconds: setting('SEARCH_SECONDS', wholeNumber(1, 600), '10'),
  },
  lifecycle: {
    graceSeconds: setting('SHUTDOWN_GRACE_SECONDS', wholeNumber(0, 600), '10'),
  },
  telemetry: {
    logLevel: setting('LOG_LEVEL', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info'),
  },
} as const;
