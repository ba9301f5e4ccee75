import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { BadSetting, readConfig } from '../../../src/config/config.js';
import { newFolder } from '../../support/run-folder.js';
import { tlsPath, tlsText } from '../../support/tls-files.js';

const folder = newFolder('pem');
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, `${text.length}.pem`);
  writeFileSync(path, text);
  return path;
}
const certificate = tlsText('client.cert');
const BROKEN = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;

test('PEM files are read with the settings, several certificates in one file included', () => {
  const { outbound } = readConfig({
    OUTBOUND_CA_FILE: fileOf(tlsText('ca.cert') + tlsText('self-signed.cert')),
    OUTBOUND_CLIENT_CERT_FILE: tlsPath('client.cert'),
    OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.encrypted.key'),
    OUTBOUND_CLIENT_KEY_PASSPHRASE: 'test-passphrase',
    OUTBOUND_PORTS: '8, 25',
    OUTBOUND_PLAIN_HTTP: 'nowhere',
  });
  expect(outbound.ca!.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(outbound).toMatchObject({ clientCertificate: certificate, ports: [8, 25], plainHttp: 'nowhere' });
});

describe('the start is stopped, and the setting named, by', () => {
  const pair = { OUTBOUND_CLIENT_CERT_FILE: tlsPath('client.cert'), OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.key') };
  test.each<[string, string, Record<string, string>, string]>([
    ['a file that is not there', 'OUTBOUND_CA_FILE', { OUTBOUND_CA_FILE: join(folder, 'none.pem') }, 'cannot be read (ENOENT)'],
    ['a folder', 'OUTBOUND_CA_FILE', { OUTBOUND_CA_FILE: folder }, 'cannot be read (EISDIR)'],
    ['a file without a certificate', 'OUTBOUND_CA_FILE', { OUTBOUND_CA_FILE: tlsPath('client.key') }, 'holds no certificate'],
    [
      'a broken certificate',
      'OUTBOUND_CA_FILE',
      { OUTBOUND_CA_FILE: fileOf(certificate + BROKEN) },
      'holds a broken certificate',
    ],
    [
      'a certificate for a key',
      'OUTBOUND_CLIENT_KEY_FILE',
      { ...pair, OUTBOUND_CLIENT_KEY_FILE: tlsPath('ca.cert') },
      'holds no private key',
    ],
    ['a key without a certificate', 'OUTBOUND_CLIENT_KEY_FILE', { OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.key') }, 'needs'],
    ['a certificate without a key', 'OUTBOUND_CLIENT_CERT_FILE', { OUTBOUND_CLIENT_CERT_FILE: tlsPath('client.cert') }, 'needs'],
    [
      'the key of another',
      'OUTBOUND_CLIENT_KEY_FILE',
      { ...pair, OUTBOUND_CLIENT_KEY_FILE: tlsPath('server.key') },
      'does not belong',
    ],
    [
      'an encrypted key without passphrase',
      'OUTBOUND_CLIENT_KEY_FILE',
      { ...pair, OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.encrypted.key') },
      'name its passphrase',
    ],
    [
      'a wrong passphrase',
      'OUTBOUND_CLIENT_KEY_FILE',
      { ...pair, OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.encrypted.key'), OUTBOUND_CLIENT_KEY_PASSPHRASE: 'wrong' },
      'is the passphrase right?',
    ],
    ['a port that is none', 'OUTBOUND_PORTS', { OUTBOUND_PORTS: '25, 70000' }, 'between 1 and 65535'],
    ['a word for a port', 'OUTBOUND_PORTS', { OUTBOUND_PORTS: 'smtp' }, 'must be ports'],
    ['an unknown word', 'OUTBOUND_PLAIN_HTTP', { OUTBOUND_PLAIN_HTTP: 'yes' }, 'must be one of'],
  ])('%s', (_, name, environment, words) => {
    const read = () => readConfig(environment);
    expect(read).toThrow(BadSetting);
    expect(read).toThrow(new RegExp(`^${name} .*${words.replace(/[()?]/g, '\\$&')}`));
  });

  test('no complaint repeats a passphrase', () => {
    const environment = {
      ...pair,
      OUTBOUND_CLIENT_KEY_FILE: tlsPath('client.encrypted.key'),
      OUTBOUND_CLIENT_KEY_PASSPHRASE: 'hush',
    };
    expect(() => readConfig(environment)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hush') }));
  });
});
