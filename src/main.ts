import { BadSetting, type Config, readConfig } from './config/config.js';
import { Hub } from './hub.js';
import { portRefusal } from './http/require-free-port.js';
import { type Log, openLog } from './telemetry/log.js';

/** What stopping may take beyond the time of grace before the process ends anyway. */
const OVERDUE_SECONDS = 40;
const TWICE_MILLISECONDS = 500;

async function main(): Promise<void> {
  const config = configOrExit();
  const log = openLog(config.telemetry.logLevel);
  const hub = new Hub(config, log);
  const stop = (code: number) => stopAndExit(hub, config, log, code);

  let askedAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const now = performance.now();
      // npm passes on the Ctrl-C that the terminal has already sent to everyone, so two at once are one. A later one means it.
      if (askedAt !== undefined && now - askedAt > TWICE_MILLISECONDS) process.exit(130);
      askedAt ??= now;
      void stop(0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, 'hub.failed');
      void stop(1);
    });
  }

  try {
    await hub.start();
  } catch (error) {
    complain(startRefusal(error as Error, config));
    log.debug({ err: error }, 'hub.start-failed');
    await stop(1);
    return;
  }
  if (askedAt === undefined) announce(config);
}

function configOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof BadSetting)) throw error;
    complain(error.message);
    process.exit(1);
  }
}

async function stopAndExit(hub: Hub, config: Config, log: Log, code: number): Promise<never> {
  const overdue = setTimeout(
    () => {
      log.error({}, 'hub.stop-overdue');
      process.exit(1);
    },
    (config.lifecycle.graceSeconds + OVERDUE_SECONDS) * 1000,
  );
  overdue.unref();
  try {
    await hub.stop();
  } catch (error) {
    log.error({ err: error }, 'hub.stop-failed');
    process.exit(1);
  }
  if (code === 0) log.info({ uptimeSeconds: Math.round(process.uptime()) }, 'hub.stopped');
  process.exit(code);
}

function announce({ http }: Config): void {
  const seconds = process.uptime().toFixed(1);
  process.stdout.write(
    `Carillon is ready at ${listeningAt(http)} after ${seconds} s; FHIR R4B is at ${http.publicUrl}/fhir/r4b\n`,
  );
}

function listeningAt({ host, port }: Config['http']): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function startRefusal(error: NodeJS.ErrnoException, { http }: Config): string {
  return error.syscall === 'listen' ? portRefusal(error, http.port, http.host) : error.message;
}

function complain(line: string): void {
  process.stderr.write(`Carillon cannot start: ${line}\n`);
}

await main();
