import { createSocket, type Socket } from 'node:dgram';
import { rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nameResolver, readHosts, resolveName } from '../../../src/outbound/resolve-name.js';
import { newFolder } from '../../support/run-folder.js';

let server: Socket;
const folder = newFolder('hosts');
const hostsFile = join(folder, 'hosts');
const systemAsked: string[] = [];

/** Answers for four names; says nothing at all about names that begin with `silent`; knows no others. */
const KNOWN: Record<string, number[]> = {
  'hooks.example': [203, 0, 113, 9],
  'inside.example': [10, 0, 0, 1],
};

beforeAll(async () => {
  server = createSocket('udp4', (query, from) => {
    const { name, end } = readQuestion(query);
    if (name.startsWith('silent')) return;
    const address = query.readUInt16BE(end) === 1 ? KNOWN[name] : undefined;
    const isKnown = name in KNOWN;
    const header = Buffer.from([query[0]!, query[1]!, 0x81, isKnown ? 0x80 : 0x83, 0, 1, 0, address ? 1 : 0, 0, 0, 0, 0]);
    const answer = address ? [Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address])] : [];
    server.send(Buffer.concat([header, query.subarray(12, end + 4), ...answer]), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  writeFileSync(hostsFile, '198.51.100.1 hooks.hospital.example hooks # a remark\n');
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** https://www.rfc-editor.org/rfc/rfc1035#section-4.1.2 */
function readQuestion(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]!) labels.push(query.toString('ascii', at + 1, at + 1 + query[at]!));
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

const resolver = () =>
  nameResolver({
    hostsFile,
    servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
    serverMs: 300,
    askSystem: async (name) => {
      systemAsked.push(name);
      if (name !== 'short') throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return ['192.0.2.1'];
    },
  });

describe('the addresses of a name come', () => {
  test.each([
    ['from the file of hosts first', 'hooks.hospital.example', ['198.51.100.1']],
    ['whatever its case and the dot at its end', 'HOOKS.', ['198.51.100.1']],
    ['from the name servers', 'hooks.example', ['203.0.113.9']],
    ['from the system where nobody else knows it', 'short', ['192.0.2.1']],
  ])('%s', async (_, name, addresses) => {
    expect(await resolver()(name)).toEqual(addresses);
  });

  test('from the file as it is now', async () => {
    const resolve = resolver();
    expect(await resolve('new.hospital.example').catch(() => [])).toEqual([]);
    writeFileSync(hostsFile, '198.51.100.2 new.hospital.example\n198.51.100.1 hooks.hospital.example hooks\n');
    expect(await resolve('new.hospital.example')).toEqual(['198.51.100.2']);
  });

  test('from nowhere for a name that nobody knows', async () => {
    await expect(resolver()('unknown.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

test('names whose servers are silent hold up no other, and the system is not asked for them', async () => {
  const resolve = resolver();
  let ended = 0;
  const silent = Array.from({ length: 20 }, (_, n) =>
    resolve(`silent${n}.example`).then(
      () => 'an address',
      (error: Error) => {
        ended += 1;
        return error.message;
      },
    ),
  );
  expect(await resolve('hooks.example')).toEqual(['203.0.113.9']);
  expect(ended).toBe(0);
  expect(await Promise.all(silent)).toEqual(silent.map((_, n) => `the name servers do not answer for silent${n}.example`));
  expect(systemAsked.filter((name) => name.startsWith('silent'))).toEqual([]);
});

test.each(['localhost', 'LOCALHOST.', 'any.localhost'])('%s is this machine, without asking anybody', async (name) => {
  expect(await resolveName(name)).toEqual(['127.0.0.1', '::1']);
});

test('a file of hosts is read with remarks, several addresses, and lines that are none', () => {
  const hosts = readHosts(
    '# all\n127.0.0.1\tlocalhost me\n::1 localhost # six\n\nnonsense here\n10.0.0.300 bad\n10.0.0.3 Good.Example.\n',
  );
  expect([...hosts]).toEqual([
    ['localhost', ['127.0.0.1', '::1']],
    ['me', ['127.0.0.1']],
    ['good.example', ['10.0.0.3']],
  ]);
});
