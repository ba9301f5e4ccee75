import { resolve } from 'node:path';
import { isLoopbackHost } from './loopback.js';
import { keyPairProblem } from './pem-file.js';
import type { Setting } from './setting.js';
import { SETTINGS } from './settings.js';

type Declared = typeof SETTINGS;
type Slices = {
  readonly [Slice in keyof Declared]: {
    readonly [Name in keyof Declared[Slice]]: Declared[Slice][Name] extends Setting<infer T> ? T : never;
  };
};

/** The settings, read once and frozen. A stage is given its own slice of it (`config.http`). */
// The class is the injection token, the interface its shape: both bear one name on purpose.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface Config extends Slices {}
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Config {
  constructor(slices: Slices) {
    Object.assign(this, slices);
    Object.freeze(this);
  }
}

/** A setting that stops the start; the message is one line that names it. */
export class BadSetting extends Error {
  override readonly name = 'BadSetting';
}

/**
 * Reads the settings: the one place that looks at the environment. An empty value counts as absent.
 * @throws BadSetting
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const slices: Record<string, Record<string, unknown>> = {};
  for (const [slice, settings] of Object.entries(SETTINGS)) {
    const values: Record<string, unknown> = (slices[slice] = {});
    for (const [name, declared] of Object.entries(settings)) values[name] = readSetting(declared, environment);
  }
  derive(slices as unknown as Mutable<Slices>);
  for (const slice of Object.values(slices)) Object.freeze(slice);
  return new Config(slices as unknown as Slices);
}

type Mutable<T> = { -readonly [Slice in keyof T]: { -readonly [Name in keyof T[Slice]]: T[Slice][Name] } };

function readSetting(declared: Setting<unknown>, environment: Readonly<Record<string, string | undefined>>): unknown {
  const written = environment[declared.name]?.trim();
  const result = declared.schema.safeParse(written === undefined || written === '' ? declared.fallback : written);
  if (result.success) return result.data;
  throw new BadSetting(`${declared.name} ${result.error.issues[0]?.message ?? 'is not usable'}`);
}

/** What follows from several settings or from the machine, and what may not stand together. */
function derive({ http, storage, outbound, secrets, exports }: Mutable<Slices>): void {
  if (!isLoopbackHost(http.host)) {
    throw new BadSetting(
      `HOST ${http.host} is not a loopback address: Carillon has no access control yet, so it serves this machine only ` +
        '(127.0.0.1, ::1 or localhost)',
    );
  }
  if (http.publicUrl === '') {
    http.publicUrl = `http://${http.host.includes(':') ? `[${http.host}]` : http.host}:${http.port}`;
  } else {
    http.publicUrl = checkedPublicUrl(http.publicUrl);
  }
  if (storage.databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(storage.databaseUrl)) {
    throw new BadSetting('DATABASE_URL must begin with postgres:// or postgresql://');
  }
  storage.dataDir = resolve(storage.dataDir);
  if (exports.folder !== undefined) exports.folder = resolve(exports.folder);
  checkClientCertificate(outbound);
  if (secrets.keys !== undefined && secrets.keyFile !== undefined)
    throw new BadSetting('SECRET_KEY and SECRET_KEY_FILE may not both be set');
}

function checkClientCertificate({ clientCertificate, clientKey, clientKeyPassphrase }: Slices['outbound']): void {
  if (clientCertificate === undefined && clientKey === undefined) return;
  if (clientCertificate === undefined) throw new BadSetting('OUTBOUND_CLIENT_KEY_FILE needs OUTBOUND_CLIENT_CERT_FILE');
  if (clientKey === undefined) throw new BadSetting('OUTBOUND_CLIENT_CERT_FILE needs OUTBOUND_CLIENT_KEY_FILE');
  const problem = keyPairProblem(clientCertificate, clientKey, clientKeyPassphrase);
  if (problem !== undefined) throw new BadSetting(`OUTBOUND_CLIENT_KEY_FILE ${problem}`);
}

function checkedPublicUrl(written: string): string {
  const url = URL.parse(written);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new BadSetting('PUBLIC_URL must be an absolute http or https URL without query, fragment or user');
  }
  return written.replace(/\/+$/, '');
}
