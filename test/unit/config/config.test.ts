import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BadSetting, readConfig } from '../../../src/config/config.js';
import { isLoopbackHost } from '../../../src/config/loopback.js';
import { SETTINGS } from '../../../src/config/settings.js';

const declared = Object.values(SETTINGS).flatMap((slice) => Object.values(slice));

test('an empty environment gives the documented defaults', () => {
  const config = readConfig({});
  expect(config.http).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    publicUrl: 'http://127.0.0.1:8080',
    maxBodyBytes: 16 * 2 ** 20,
  });
  expect(config.storage.databaseUrl).toBeUndefined();
  expect(isAbsolute(config.storage.dataDir)).toBe(true);
});

test('docs/configuration.md lists every setting with its default, and no other', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z][A-Z_0-9]+)` +\| +(.*?) +\|/gm)].map(([, name, fallback]) => [name, fallback]);
  const written = (name: string, fallback: string | undefined) =>
    name === 'PUBLIC_URL' ? '`http://HOST:PORT`' : fallback === undefined || fallback === '' ? 'none' : `\`${fallback}\``;
  expect(rows.toSorted()).toEqual(declared.map(({ name, fallback }) => [name, written(name, fallback)]).toSorted());
});

test('every default passes its own check, and no name is declared twice', () => {
  expect(() => readConfig({})).not.toThrow();
  expect(new Set(declared.map((setting) => setting.name)).size).toBe(declared.length);
});

test('settings cannot be changed after they were read', () => {
  const config = readConfig({});
  expect(() => ((config as { http: unknown }).http = {})).toThrow(TypeError);
  expect(() => ((config.http as { port: number }).port = 1)).toThrow(TypeError);
});

test('an empty or blank value counts as absent', () => {
  expect(readConfig({ PORT: '', LOG_LEVEL: '  ', DATABASE_URL: '' })).toEqual(readConfig({}));
});

test.each([
  ['PORT', '0'],
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '1e3'],
  ['PORT', '8080x'],
  ['LOG_LEVEL', 'loud'],
  ['MAX_BODY_BYTES', '16 MB'],
  ['MAX_BODY_BYTES', '1'],
  ['MAX_BODY_BYTES', '999999 GiB'],
  ['PUBLIC_URL', 'ftp://hub'],
  ['PUBLIC_URL', '/hub'],
  ['PUBLIC_URL', 'http://hub/?a=b'],
  ['PUBLIC_URL', 'http://user@hub/'],
  ['DATABASE_URL', 'mysql://localhost/db'],
  ['HOST', '0.0.0.0'],
  ['OUTBOUND_ALLOW', '10.0.0.0/8, example.org'],
])('%s=%s is refused with one line that names it', (name, value) => {
  const refusal = () => readConfig({ [name]: value });
  expect(refusal).toThrow(BadSetting);
  expect(refusal).toThrow(new RegExp(`^${name} .+`));
  expect(refusal).not.toThrow(/\n/);
});

test('PUBLIC_URL loses its trailing slashes and keeps its path; an IPv6 host is put in brackets', () => {
  expect(readConfig({ PUBLIC_URL: 'https://hub.example/carillon//' }).http.publicUrl).toBe('https://hub.example/carillon');
  expect(readConfig({ HOST: '::1', PORT: '81' }).http.publicUrl).toBe('http://[::1]:81');
});

test('address blocks are separated by commas', () => {
  expect(readConfig({ OUTBOUND_ALLOW: ' 10.20.0.0/16,fd12:3456::/32, ' }).outbound.allow).toEqual([
    '10.20.0.0/16',
    'fd12:3456::/32',
  ]);
  expect(readConfig({}).outbound.allow).toEqual([]);
});

test('sizes are read in bytes and binary units', () => {
  expect(readConfig({ MAX_BODY_BYTES: '2048' }).http.maxBodyBytes).toBe(2048);
  expect(readConfig({ MAX_BODY_BYTES: '3 KiB' }).http.maxBodyBytes).toBe(3072);
  expect(readConfig({ MAX_BODY_BYTES: '1GiB' }).http.maxBodyBytes).toBe(2 ** 30);
});

describe('what counts as loopback', () => {
  test('127.0.0.0/8, ::1 and localhost do', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)), (rest) =>
        expect(isLoopbackHost(['127', ...rest].join('.'))).toBe(true),
      ),
    );
    for (const host of ['::1', 'localhost']) expect(isLoopbackHost(host)).toBe(true);
  });

  test('nothing else does, names that begin like one included', () => {
    fc.assert(fc.property(fc.ipV4(), (host) => expect(isLoopbackHost(host)).toBe(host.startsWith('127.'))));
    for (const host of ['::', '127.1', '127.0.0.1.nip.io', 'localhost.example.org', '0x7f.0.0.1', '::ffff:127.0.0.1', '']) {
      expect(isLoopbackHost(host)).toBe(false);
    }
  });
});
