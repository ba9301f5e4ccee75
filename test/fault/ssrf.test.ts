import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { OutboundClient } from '../../src/outbound/outbound-client.js';
import type { OutboundPolicy } from '../../src/outbound/outbound-policy.js';
import type { Resolve } from '../../src/outbound/resolve-name.js';
import { Dialled } from '../support/dialled.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client } from '../support/subscriber.js';

/** Nothing but the address can be the reason of a refusal. */
const PUBLIC_ONLY: OutboundPolicy = { allowLoopback: false, allowed: [], plainHttp: 'anywhere', ports: [25, 22] };
const OPEN_ON_LOOPBACK: OutboundPolicy = { ...PUBLIC_ONLY, allowLoopback: true };

const LISTENING = ['127.0.0.1', '127.0.0.2', '127.1.2.3', '::1'];
const servers: Server[] = [];
let port: number;
/** Connections that arrived at a listening socket. */
let arrived = 0;
let dialled: Dialled;
const clients: OutboundClient[] = [];

beforeAll(async () => {
  // One port on each address: where it is taken on one of them, another is tried.
  for (let tries = 0; servers.length < LISTENING.length && tries < 20; tries++) {
    await closeServers();
    try {
      for (const address of LISTENING) servers.push(await listen(address, servers[0] ? portOf(servers[0]) : 0));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  port = portOf(servers[0]!);
  dialled = new Dialled();
});
afterAll(async () => {
  dialled?.end();
  await closeServers();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  dialled.clear();
  arrived = 0;
});

async function listen(address: string, at: number): Promise<Server> {
  const server = createServer((_, response) => response.end('inside')).on('connection', () => arrived++);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(at, address, resolve));
  return server;
}
const portOf = (server: Server) => (server.address() as AddressInfo).port;
async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function clientWith(policy: OutboundPolicy, resolve?: Resolve, connectSeconds = 2): OutboundClient {
  const client = new OutboundClient({ policy, connectSeconds, headSeconds: 5, connectionsPerOrigin: 1 }, resolve);
  clients.push(client);
  return client;
}
const call = (client: OutboundClient, url: string, timeoutMs = 5000) =>
  client.send({ method: 'POST', url: new URL(url), headers: [], body: '{}', timeoutMs });

/** Hosts as they may stand in a URL; all of them lead to this machine. */
const LOOPBACK_HOSTS = [
  ...['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0x7F.0X0.0.1'],
  ...['0177.0.0.1', '017700000001', '127.0.0.1.', '①②⑦.⓪.⓪.①', '１２７.０.０.１', '127。0。0。1', '127.0.0\u00ad.1'],
  ...['%31%32%37.0.0.1', '127.0.0.0x1', 'hooks.example@127.0.0.1', 'hooks.example:443@127.0.0.1', '127.0.\t0.1'],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[0000::0001]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.2]'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'deep.below.localhost', 'below.localhost.', 'ｌｏｃａｌｈｏｓｔ'],
];

const OTHER_HOSTS = [
  // this network, link-local and metadata
  ...['0.0.0.0', '0', '0x0', '0.1.2.3', '169.254.169.254', '169.254.0.1', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376'],
  ...['169.254.43518', '169.16689662', 'hooks.example@169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
  // private, shared, reserved
  ...['10.0.0.1', '10.1', '0xa000001', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1', '3232235777'],
  ...['100.64.0.1', '100.127.255.254', '192.0.0.8', '192.0.2.1', '198.51.100.7', '203.0.113.9', '198.18.0.1', '198.19.255.255'],
  ...['192.88.99.1', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255', '4294967295'],
  // IPv6
  ...['[::]', '[fe80::1]', '[febf::1]', '[fec0::1]', '[fc00::1]', '[fd12:3456:789a::1]', '[fd00:ec2::254]', '[fd00:ec2::23]'],
  ...[
    '[fd20:ce::254]',
    '[ff02::1]',
    '[ff0e::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[2001:2::1]',
    '[100::1]',
    '[5f00::1]',
    '[4000::1]',
  ],
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP
  ...['[::ffff:10.0.0.1]', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[::127.0.0.1]', '[::a9fe:a9fe]', '[::10.0.0.1]'],
  ...['[::ffff:0:127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b::169.254.169.254]', '[64:ff9b::10.0.0.1]', '[64:ff9b::8.8.8.8]'],
  ...['[64:ff9b:1::a9fe:a9fe]', '[64:ff9b:1:a9fe:a9:fe00::]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2002:a9fe:a9fe::1]'],
  ...['[2002:a00:1::]', '[2001:0:4136:e378:8000:63bf:80ff:fffe]', '[2001::1]', '[2a00:1450::5efe:127.0.0.1]'],
  ...['[2a00:1450::200:5efe:169.254.169.254]'],
];

const METADATA_NAMES = [
  ...['metadata', 'metadata.google.internal', 'METADATA.GOOGLE.INTERNAL.', 'metadata.goog', 'instance-data', 'instance-data.'],
  ...['instance-data.ec2.internal', 'metadata.azure.internal', 'metadata.tencentyun.com', 'rancher-metadata'],
];

/** What a name server may answer to keep a guard busy; none of it may be called. */
const ANSWERS: readonly (readonly [what: string, addresses: readonly string[]])[] = [
  ['a loopback address', ['127.0.0.2']],
  ['the IPv6 loopback address', ['::1']],
  ['a mapped loopback address', ['::ffff:127.0.0.1']],
  ['a private address', ['10.0.0.1']],
  ['a metadata address', ['169.254.169.254']],
  ['a link-local address with its zone', ['fe80::1%eth0']],
  ['a loopback address with a zone', ['::1%lo']],
  ['a private IPv4 and a unique-local IPv6 address', ['192.168.0.7', 'fd00::7']],
  ['hundreds of addresses, as behind a chain of CNAMEs', Array.from({ length: 500 }, (_, n) => `127.0.${n >> 8}.${n & 255}`)],
  ['a short form instead of an address', ['127.1']],
  ['a hexadecimal form instead of an address', ['0x7f000001']],
  ['a name instead of an address', ['localhost']],
  ['an empty text', ['']],
  ['nothing', []],
];

test('the table is as long as it should be', () => {
  expect(LOOPBACK_HOSTS.length + OTHER_HOSTS.length + METADATA_NAMES.length + ANSWERS.length).toBeGreaterThanOrEqual(120);
});

describe('no connection is made', () => {
  test.each(LOOPBACK_HOSTS)('to this machine by way of %j', async (host) => {
    const outcome = await call(clientWith(PUBLIC_ONLY), `http://${host}:${port}/`);
    expect(outcome).toMatchObject({ kind: 'failed', fault: 'refused' });
    expect(dialled.addresses).toEqual([]);
    expect(arrived).toBe(0);
  });

  test.each(OTHER_HOSTS)('to %s, by http and https, whatever loopback is open', async (host) => {
    for (const policy of [PUBLIC_ONLY, OPEN_ON_LOOPBACK]) {
      for (const protocol of ['http', 'https'])
        expect(await call(clientWith(policy), `${protocol}://${host}:${port}/`)).toMatchObject({
          kind: 'failed',
          fault: 'refused',
        });
    }
    expect(dialled.addresses).toEqual([]);
    expect(arrived).toBe(0);
  });

  test.each(METADATA_NAMES)('to the name %s, whatever it leads to and whatever is allowed', async (name) => {
    const everything = { ...OPEN_ON_LOOPBACK, allowed: ['0.0.0.0/0', '::/0'] };
    const client = clientWith(everything, async () => ['127.0.0.1']);
    expect(await call(client, `http://${name}:${port}/`)).toMatchObject({ kind: 'failed', fault: 'refused' });
    expect(dialled.addresses).toEqual([]);
  });

  test.each(ANSWERS)('to a name whose servers answer %s', async (_, addresses) => {
    const client = clientWith(PUBLIC_ONLY, async () => addresses);
    expect(await call(client, `http://hooks.example:${port}/`)).toMatchObject({ kind: 'failed' });
    expect(dialled.addresses).toEqual([]);
    expect(arrived).toBe(0);
  });

  test.each([
    '169.254.169.254',
    '[fe80::1]',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[fd00:ec2::254]',
    '100.100.100.200',
  ])('to %s although everything is allowed', async (host) => {
    const client = clientWith({ ...OPEN_ON_LOOPBACK, allowed: ['0.0.0.0/0', '::/0'] });
    expect(await call(client, `http://${host}/`)).toMatchObject({ kind: 'failed', fault: 'refused' });
    expect(dialled.addresses).toEqual([]);
  });

  test('through NAT64 to an address that may not be called itself, although the prefix is allowed', async () => {
    const client = clientWith({ ...PUBLIC_ONLY, allowed: ['64:ff9b::/96'] });
    for (const inside of ['10.0.0.1', '127.0.0.1', '169.254.169.254'])
      expect(await call(client, `https://[64:ff9b::${inside}]/`)).toMatchObject({ fault: 'refused' });
    expect(dialled.addresses).toEqual([]);
    await call(client, 'https://[64:ff9b::8.8.8.8]/');
    expect(dialled.addresses).toEqual(['64:ff9b::808:808']);
  });
});

describe('the table can fail', () => {
  test.each(LOOPBACK_HOSTS)('%j leads to a socket that listens, where loopback is open', async (host) => {
    // Userinfo is not sent and changes nothing about where a URL leads.
    expect(await call(clientWith(OPEN_ON_LOOPBACK), `http://${host}:${port}/`)).toMatchObject({ kind: 'answered', status: 200 });
    expect(arrived).toBeGreaterThan(0);
  });

  test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '[2606:4700::1111]', '[::ffff:8.8.8.8]'])(
    'a socket is told to connect to the public %s',
    async (host) => {
      await call(clientWith(PUBLIC_ONLY), `https://${host}/`);
      expect(dialled.addresses).toHaveLength(1);
    },
  );
});

describe.each([
  'http://[fe80::1%25eth0]/',
  'http://[::1%25lo]/',
  'http://127.0.0.1.1/',
  'http://256.0.0.1/',
  'http://0x7f.0.0.1.0/',
])('the URL %s', (url) => {
  test('is none', () => expect(URL.canParse(url)).toBe(false));
});

describe('a name server that changes its mind', () => {
  test('is asked once for a connection: the address that was judged is the one that is called', async () => {
    let asked = 0;
    const client = clientWith(OPEN_ON_LOOPBACK, async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.0.0.1']));
    expect(await call(client, `http://rebinding.example:${port}/`)).toMatchObject({ kind: 'answered' });
    expect(asked).toBe(1);
    expect(dialled.addresses).toEqual(['127.0.0.1']);
  });

  test('gets nowhere when it flips at each question, be it asked a hundred times', async () => {
    let asked = 0;
    const client = clientWith(PUBLIC_ONLY, async () => (asked++ % 2 === 0 ? ['127.0.0.1'] : ['::1']));
    for (let again = 0; again < 100; again++)
      expect(await call(client, `http://rebinding.example:${port}/`)).toMatchObject({ fault: 'refused' });
    expect(dialled.addresses).toEqual([]);
    expect(arrived).toBe(0);
  });

  test('does not move a kept connection, and the next one is judged anew', async () => {
    let answer = ['127.0.0.1'];
    const client = clientWith(OPEN_ON_LOOPBACK, async () => answer);
    await call(client, `http://rebinding.example:${port}/`);
    answer = ['169.254.169.254'];
    expect(await call(client, `http://rebinding.example:${port}/`)).toMatchObject({ kind: 'answered' });
    expect(arrived).toBe(1);
    servers[0]!.closeAllConnections();
    expect(await call(client, `http://rebinding.example:${port}/`)).toMatchObject({ kind: 'failed', fault: 'refused' });
    expect(dialled.addresses).toEqual(['127.0.0.1']);
  });

  test('of good and bad addresses only the good ones are called', async () => {
    const client = clientWith(OPEN_ON_LOOPBACK, async () => ['10.0.0.1', 'fd00::1', '127.0.0.2', '::ffff:10.0.0.1']);
    expect(await call(client, `http://mixed.example:${port}/`)).toMatchObject({ kind: 'answered' });
    expect(dialled.addresses).toEqual(['127.0.0.2']);
  });

  test('cannot keep the hub busy with a long list: four addresses are tried, within the time for one connection', async () => {
    const client = clientWith(OPEN_ON_LOOPBACK, async () => Array.from({ length: 300 }, (_, n) => `127.9.${n >> 8}.${n & 255}`));
    expect(await call(client, `http://many.example:${port}/`)).toMatchObject({ kind: 'failed', fault: 'network' });
    expect(dialled.addresses).toHaveLength(4);
  });

  test('that never answers costs the time for connecting, and no more', async () => {
    const client = clientWith(OPEN_ON_LOOPBACK, () => new Promise(() => {}), 1);
    expect(await call(client, `http://slow.example:${port}/`, 60_000)).toMatchObject({ kind: 'failed', fault: 'timeout' });
  });

  test('that fails is a failure like any other', async () => {
    const client = clientWith(OPEN_ON_LOOPBACK, () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })));
    expect(await call(client, `http://none.example:${port}/`)).toMatchObject({
      fault: 'network',
      detail: 'the name has no address (ENOTFOUND)',
    });
  });
});

describe('plain http and low ports', () => {
  const policy: OutboundPolicy = { allowLoopback: true, allowed: ['10.20.0.0/16'], plainHttp: 'inside', ports: [8] };
  test.each<[string, Partial<OutboundPolicy>, 'called' | 'refused']>([
    ['http://8.8.8.8/', {}, 'refused'],
    ['https://8.8.8.8/', {}, 'called'],
    ['http://8.8.8.8/', { plainHttp: 'anywhere' }, 'called'],
    ['http://10.20.3.4:8080/', {}, 'called'],
    ['http://10.20.3.4/', { plainHttp: 'nowhere' }, 'refused'],
    ['https://10.20.3.4/', { plainHttp: 'nowhere' }, 'called'],
    ['http://127.0.0.1:9/', { plainHttp: 'nowhere' }, 'refused'],
    ['http://127.0.0.1:9/', {}, 'called'],
    ['https://8.8.8.8:25/', {}, 'refused'],
    ['https://8.8.8.8:1023/', {}, 'refused'],
    ['https://8.8.8.8:1024/', {}, 'called'],
    ['https://8.8.8.8:80/', {}, 'called'],
    ['https://8.8.8.8:8/', {}, 'called'],
    ['https://10.20.3.4:22/', {}, 'refused'],
  ])('%s %j is %s', async (url, change, expected) => {
    const outcome = await call(clientWith({ ...policy, ...change }), url);
    expect(dialled.addresses).toHaveLength(expected === 'called' ? 1 : 0);
    expect(outcome.kind === 'failed' && outcome.fault === 'refused').toBe(expected === 'refused');
  });

  test('where a name leads decides about plain http to it', async () => {
    const outcome = await call(
      clientWith(policy, async () => ['8.8.8.8']),
      'http://hooks.example/',
    );
    expect(outcome).toMatchObject({ fault: 'refused', detail: expect.stringContaining('https only') });
    expect(dialled.addresses).toEqual([]);
  });
});

describe('what can be seen at once is refused when the Subscription is written', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub?.stop());

  test.each([
    ...[
      'http://169.254.169.254/latest/meta-data',
      'https://metadata.google.internal/',
      'http://10.0.0.1/hook',
      'https://10.0.0.1/',
    ],
    ...['https://[fd00:ec2::254]/', 'https://[::ffff:192.168.0.1]/', 'http://2852039166/', 'http://8.8.8.8/hook'],
    ...['http://hooks.example/', 'https://hooks.example:25/', 'https://user:secret@hooks.example/', 'https://100.64.1.1/'],
  ])('%s', async (endpoint) => {
    const answer = await new Client(hub).send('POST', 'Subscription', classicSubscription(endpoint));
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', expression: ['Subscription.channel.endpoint'] }],
    });
  });

  test.each(['https://hooks.example/hook', 'http://127.0.0.1:9/', 'http://localhost:9/'])('but not %s', async (endpoint) => {
    const answer = await new Client(hub).send('POST', 'Subscription', classicSubscription(endpoint));
    expect(answer.status).toBe(201);
  });

  test('a source at such an address is refused as well', async () => {
    const endpoint = {
      resourceType: 'Endpoint',
      status: 'active',
      connectionType: { system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type', code: 'hl7-fhir-rest' },
      payloadType: [{ text: 'any' }],
      address: 'http://10.0.0.1/fhir',
      extension: [
        {
          url: 'https://carillon.example/fhir/StructureDefinition/source-poll',
          extension: [
            { url: 'mode', valueCode: 'history' },
            { url: 'idPrefix', valueString: 'x-' },
          ],
        },
      ],
    };
    const answer = await new Client(hub).send('POST', 'Endpoint', endpoint);
    expect(answer.status).toBe(422);
    expect(answer.body.issue[0].expression).toEqual(['Endpoint.address']);
  });
});
