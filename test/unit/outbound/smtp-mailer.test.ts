import { afterEach, expect, test } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';
import { type AddressedMail, SmtpMailer } from '../../../src/delivery/channels/smtp-mailer.js';
import { secureContextOf } from '../../../src/outbound/tls-identity.js';
import { Dialled } from '../../support/dialled.js';
import { tlsText } from '../../support/tls-files.js';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

const MAIL: AddressedMail = {
  attachments: [],
  subject: 'A result',
  text: 'There is one.',
  from: 'hub@carillon.example',
  to: 'doctor@example.org',
  messageId: '<1@x>',
};

async function mailServer(secure: boolean): Promise<number> {
  const server = new SMTPServer({
    secure,
    cert: tlsText('server.cert'),
    key: tlsText('server.key'),
    authOptional: true,
    onData: (stream, _, done) => stream.on('end', () => done()).resume(),
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => new Promise<void>((resolve) => server.close(resolve)));
  return (server.server.address() as AddressInfo).port;
}

function mailerTo(url: string, options: ConstructorParameters<typeof SmtpMailer>[1] = {}) {
  const mailer = new SmtpMailer(url, { resolve: async () => ['127.0.0.1'], ...options });
  ended.push(() => mailer.close());
  return mailer;
}
const send = (mailer: SmtpMailer) => mailer.send(MAIL, 20_000, new AbortController().signal);
const KNOWN = { secureContext: secureContextOf({ ca: tlsText('ca.cert') }) };

test.each([true, false])(
  'mail goes to a server whose certificate an authority of ours signed (TLS from the start: %s)',
  async (secure) => {
    const port = await mailServer(secure);
    expect(await send(mailerTo(`${secure ? 'smtps' : 'smtp'}://hooks.example:${port}`, KNOWN))).toMatchObject({ kind: 'taken' });
  },
);

test.each([true, false])('a mail server with an unknown certificate gets nothing (TLS from the start: %s)', async (secure) => {
  const url = `${secure ? 'smtps' : 'smtp'}://hooks.example:${await mailServer(secure)}`;
  for (const asked of [url, `${url}?tls.rejectUnauthorized=false`, `${url}?tls.rejectUnauthorized=0&ignoreTLS=true`])
    expect(await send(mailerTo(asked))).toMatchObject({ kind: 'failed', reply: expect.stringMatching(/certificate/) });
});

test('the name of the mail server is resolved once for a connection, and never leads to metadata', async () => {
  const dialled = new Dialled();
  ended.push(() => dialled.end());
  const port = await mailServer(false);
  let asked = 0;
  const resolve = async () => [asked++ === 0 ? '127.0.0.1' : '169.254.169.254'];
  expect(await send(mailerTo(`smtp://mail.example:${port}`, { ...KNOWN, resolve }))).toMatchObject({ kind: 'failed' });
  expect(await send(mailerTo(`smtp://mail.example:${port}`, { ...KNOWN, resolve }))).toMatchObject({
    kind: 'failed',
    reply: expect.stringContaining('metadata address'),
  });
  for (const host of ['169.254.169.254', '[fe80::1]', 'metadata.google.internal'])
    expect(await send(mailerTo(`smtp://${host}:${port}`))).toMatchObject({ kind: 'failed' });
  expect(new Set(dialled.addresses)).toEqual(new Set(['127.0.0.1']));
});
