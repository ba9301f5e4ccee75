import { createServer, type Server } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OutboundClient } from '../../../src/outbound/outbound-client.js';
import { secureContextOf, type TlsIdentity } from '../../../src/outbound/tls-identity.js';
import { tlsText } from '../../support/tls-files.js';

const started: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.close();
});

type Named = 'server' | 'other-name' | 'expired' | 'self-signed';

/** Answers with the name in the certificate of whoever calls. */
async function listen(certificate: Named, options: { asksForCertificate?: boolean } = {}): Promise<number> {
  const server = createServer(
    {
      cert: tlsText(`${certificate}.cert`),
      key: tlsText(`${certificate}.key`),
      ca: tlsText('ca.cert'),
      // Where the refusal is part of the handshake, its reason reaches the other side.
      ...(options.asksForCertificate ? { maxVersion: 'TLSv1.2' as const } : {}),
      requestCert: options.asksForCertificate ?? false,
      rejectUnauthorized: options.asksForCertificate ?? false,
    },
    (request, response) => response.end(String((request.socket as TLSSocket).getPeerCertificate()?.subject?.CN ?? 'nobody')),
  );
  return started_(server);
}
async function started_(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  started.push({
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  });
  return (server.address() as AddressInfo).port;
}

function clientWith(identity: TlsIdentity): OutboundClient {
  const policy = { allowLoopback: true, allowed: [], plainHttp: 'inside', ports: [] } as const;
  const client = new OutboundClient(
    { policy, connectSeconds: 5, headSeconds: 20, connectionsPerOrigin: 1, secureContext: secureContextOf(identity) },
    async () => ['127.0.0.1'],
  );
  started.push(client);
  return client;
}
const call = (client: OutboundClient, host: string, port: number) =>
  client.send({ method: 'POST', url: new URL(`https://${host}:${port}/`), headers: [], body: '{}', timeoutMs: 20_000 });

const KNOWN = { ca: tlsText('ca.cert') };

describe('an endpoint by https', () => {
  test.each(['hooks.example', 'hooks.example.', '127.0.0.1'])('is called at %s where its authority is named', async (host) => {
    expect(await call(clientWith(KNOWN), host, await listen('server'))).toMatchObject({ kind: 'answered', status: 200 });
  });

  test.each<[string, Named, TlsIdentity, string]>([
    ['an authority nobody named', 'server', {}, 'an authority that the hub does not know; OUTBOUND_CA_FILE can name it'],
    ['its own signature', 'self-signed', KNOWN, 'is signed by itself; OUTBOUND_CA_FILE can name it'],
    ['another name', 'other-name', KNOWN, 'is for another name'],
    ['a time that is over', 'expired', KNOWN, 'has expired'],
  ])(
    'with a certificate of %s is refused, in words for an operator, before anything is sent',
    async (_, file, identity, words) => {
      const port = await listen(file);
      for (const host of ['hooks.example', '127.0.0.1']) {
        expect(await call(clientWith(identity), host, port)).toMatchObject({
          kind: 'failed',
          fault: 'tls',
          detail: expect.stringContaining(words),
        });
      }
    },
  );

  test('signed by itself is called where that certificate is named', async () => {
    const client = clientWith({ ca: tlsText('self-signed.cert') });
    expect(await call(client, 'hooks.example', await listen('self-signed'))).toMatchObject({ kind: 'answered', status: 200 });
  });

  test('that asks who calls sees the certificate of the hub, and refuses a hub without one', async () => {
    const port = await listen('server', { asksForCertificate: true });
    const identified = { ...KNOWN, clientCertificate: tlsText('client.cert') };
    for (const key of [
      { clientKey: tlsText('client.key') },
      { clientKey: tlsText('client.encrypted.key'), clientKeyPassphrase: 'test-passphrase' },
    ]) {
      const answer = await call(clientWith({ ...identified, ...key }), 'hooks.example', port);
      expect(answer.kind === 'answered' && answer.body.toString()).toBe('Carillon TEST hub');
    }
    expect(await call(clientWith(KNOWN), 'hooks.example', port)).toMatchObject({
      kind: 'failed',
      detail: expect.stringContaining('OUTBOUND_CLIENT_CERT_FILE'),
    });
  });

  test('that speaks no TLS is told apart', async () => {
    const port = await started_(createPlainServer((_, response) => response.end()) as unknown as Server);
    expect(await call(clientWith(KNOWN), 'hooks.example', port)).toMatchObject({
      kind: 'failed',
      fault: 'tls',
      detail: expect.stringContaining('does not speak TLS'),
    });
  });

  test('whose kept connection had died is called once more over a new one', async () => {
    const sockets = new Set<object>();
    const server = createServer({ cert: tlsText('server.cert'), key: tlsText('server.key') }, (request, response) => {
      if (sockets.has(request.socket)) return void request.socket.destroy();
      sockets.add(request.socket);
      response.end('once');
    });
    const port = await started_(server);
    const client = clientWith(KNOWN);
    for (let round = 0; round < 4; round++)
      expect(await call(client, 'hooks.example', port)).toMatchObject({ kind: 'answered', status: 200 });
    expect(sockets.size).toBe(4);
  });
});
