import { certificateFile, keyFile } from './pem-file.js';
import {
  addressBlocks,
  byteSize,
  decimalNumber,
  hostList,
  mailAddress,
  oneOf,
  originList,
  optionalUrl,
  port,
  portList,
  secretKeys,
  setting,
  smtpUrl,
  text,
  wholeNumber,
} from './setting.js';

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
    /** Web pages of these origins may use the hub from a browser. */
    corsOrigins: setting('CORS_ORIGINS', originList, 'loopback'),
    /** Names that the hub is asked by, beside those of this machine and of PUBLIC_URL. */
    allowedHosts: setting('ALLOWED_HOSTS', hostList, ''),
  },
  storage: {
    dataDir: setting('DATA_DIR', text, './.data'),
    databaseUrl: setting('DATABASE_URL', optionalUrl),
    poolSize: setting('POOL_SIZE', wholeNumber(2, 200), '16'),
    /** Longest statement; of a connection that says nothing for five seconds more, nothing more is expected. */
    statementSeconds: setting('STATEMENT_SECONDS', wholeNumber(1, 600), '30'),
  },
  secrets: {
    /** Keys that secrets in the database are sealed under; the first seals, all open. */
    keys: setting('SECRET_KEY', secretKeys),
    /** A file of such keys; absent as well as `SECRET_KEY`: one in DATA_DIR, made at the first start. */
    keyFile: setting('SECRET_KEY_FILE', text.optional()),
  },
  pull: {
    searchSeconds: setting('SEARCH_SECONDS', wholeNumber(1, 600), '10'),
    /** For the invariants of one resource, and for the wait until their turn. */
    validationSeconds: setting('VALIDATION_SECONDS', wholeNumber(1, 600), '5'),
  },
  exports: {
    /** Absent: `exports` in DATA_DIR. */
    folder: setting('EXPORT_DIR', text.optional()),
    hours: setting('EXPORT_HOURS', wholeNumber(1, 8760), '24'),
    atOnce: setting('EXPORT_JOBS', wholeNumber(1, 1000), '4'),
  },
  writes: {
    /** Whether what clients write may refer to resources of the hub that are not there. */
    danglingReferences: setting('DANGLING_REFERENCES', oneOf('accepted', 'refused'), 'accepted'),
  },
  messages: {
    /** How long a processed message is known again: a little over the time in which its sender may ask for the answer once more. */
    cacheMinutes: setting('MESSAGE_CACHE_MINUTES', wholeNumber(1, 525_600), '1440'),
  },
  mail: {
    /** The server that mail leaves through: `smtp://…` or `smtps://…`; without one there is no email channel. */
    smtpUrl: setting('SMTP_URL', smtpUrl),
    from: setting('MAIL_FROM', mailAddress, 'carillon@localhost'),
    /** Shortest time between two mails to the contacts of one Subscription. */
    contactMinutes: setting('CONTACT_MAIL_MINUTES', wholeNumber(1, 10_080), '60'),
  },
  delivery: {
    /** Longest attempt where a Subscription names none; one that does gets what it names, at most 25 s. */
    attemptSeconds: setting('DELIVERY_ATTEMPT_SECONDS', wholeNumber(1, 25), '20'),
    failuresUntilError: setting('DELIVERY_FAILURES_UNTIL_ERROR', wholeNumber(1, 100), '4'),
    backoffMilliseconds: setting('DELIVERY_BACKOFF_MILLISECONDS', wholeNumber(10, 3_600_000), '1000'),
    backoffCeilingSeconds: setting('DELIVERY_BACKOFF_CEILING_SECONDS', wholeNumber(1, 86_400), '3600'),
    giveUpSeconds: setting('DELIVERY_GIVE_UP_SECONDS', wholeNumber(60, 31_536_000), '259200'),
    /** Longer than any attempt, so that a lease does not pass on while one is under way. */
    leaseSeconds: setting('DELIVERY_LEASE_SECONDS', wholeNumber(35, 3600), '60'),
    attemptsPerHost: setting('DELIVERY_ATTEMPTS_PER_HOST', wholeNumber(1, 10_000), '128'),
    attemptsInAll: setting('DELIVERY_ATTEMPTS_IN_ALL', wholeNumber(1, 100_000), '1024'),
    /** Requests a second to an endpoint whose subscriptions name no limit; 0: as many as come. */
    ratePerEndpoint: setting('DELIVERY_RATE_PER_ENDPOINT', decimalNumber(0, 10_000), '0'),
    notificationBytes: setting('DELIVERY_NOTIFICATION_BYTES', byteSize(1024, 2 ** 30), '1 MiB'),
  },
  sockets: {
    tokenSeconds: setting('WEBSOCKET_TOKEN_SECONDS', wholeNumber(1, 86_400), '30'),
    budgetBytes: setting('SOCKET_BUDGET_BYTES', byteSize(1024, 2 ** 30), '1 MiB'),
  },
  outbound: {
    /** Address blocks beside the public ones that the hub may call. */
    allow: setting('OUTBOUND_ALLOW', addressBlocks, ''),
    plainHttp: setting('OUTBOUND_PLAIN_HTTP', oneOf('inside', 'anywhere', 'nowhere'), 'inside'),
    /** Below 1024, beside 80 and 443. */
    ports: setting('OUTBOUND_PORTS', portList, ''),
    /** For the name, the connection and the handshake of TLS together. */
    connectSeconds: setting('OUTBOUND_CONNECT_SECONDS', wholeNumber(1, 60), '5'),
    headSeconds: setting('OUTBOUND_HEAD_SECONDS', wholeNumber(1, 600), '30'),
    /** PEM of authorities to trust beside the usual ones. */
    ca: setting('OUTBOUND_CA_FILE', certificateFile),
    clientCertificate: setting('OUTBOUND_CLIENT_CERT_FILE', certificateFile),
    clientKey: setting('OUTBOUND_CLIENT_KEY_FILE', keyFile),
    clientKeyPassphrase: setting('OUTBOUND_CLIENT_KEY_PASSPHRASE', text.optional()),
  },
  maintenance: {
    /** Absent: numbered events are kept as long as the change log. */
    eventDays: setting('EVENT_RETENTION_DAYS', wholeNumber(1, 36_500).optional()),
    attemptDays: setting('ATTEMPT_RETENTION_DAYS', wholeNumber(1, 3650), '7'),
  },
  lifecycle: {
    graceSeconds: setting('SHUTDOWN_GRACE_SECONDS', wholeNumber(0, 600), '10'),
  },
  telemetry: {
    logLevel: setting('LOG_LEVEL', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info'),
    /** A transaction that writes and stays open for longer holds up matching: a line in the log names it. */
    horizonWarnSeconds: setting('LOG_HORIZON_WARN_SECONDS', wholeNumber(1, 86_400), '10'),
  },
} as const;
