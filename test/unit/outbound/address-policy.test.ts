import { describe, expect, test } from '@jest/globals';
import { refusalOfAddress } from '../../../src/outbound/address-policy.js';

const PUBLIC_ONLY = { allowLoopback: false, allowed: [] };
const OPEN_ON_LOOPBACK = { allowLoopback: true, allowed: [] };

const LOOPBACK = ['127.0.0.1', '127.1.2.3', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'];
const NEVER = [
  ...['169.254.169.254', '169.254.0.1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1'],
  ...['fe80::1', 'fe80::1%eth0', 'febf::1', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
];
const NOT_PUBLIC = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ...[
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.1.1.1',
  ],
  ...[
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::ffff:10.0.0.1',
    '::ffff:192.168.1.1',
    '::ffff:0.0.0.0',
    '64:ff9b::7f00:1',
    '64:ff9b::808:808',
  ],
  ...[
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:db8::1',
    'fc00::1',
    'fd12:3456::1',
  ],
  ...['ff02::1', 'fec0::1', '::7f00:1', '::10.0.0.1', '::ffff:0:127.0.0.1', '100::1', '4000::1'],
];
const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '172.32.0.1',
  '100.128.0.1',
  '169.253.1.1',
  '2606:4700::1111',
  '2a00:1450::1',
  '::ffff:8.8.8.8',
];

describe('addresses', () => {
  test.each([...LOOPBACK, ...NEVER, ...NOT_PUBLIC])('%s is refused by default', (address) => {
    expect(refusalOfAddress(address, PUBLIC_ONLY)).toBeDefined();
  });

  test.each(PUBLIC)('%s is public', (address) => {
    expect(refusalOfAddress(address, PUBLIC_ONLY)).toBeUndefined();
  });

  test.each(LOOPBACK)('%s may be called by a hub that serves its own machine', (address) => {
    expect(refusalOfAddress(address, OPEN_ON_LOOPBACK)).toBeUndefined();
  });

  test.each([...NEVER, ...NOT_PUBLIC])('%s is refused also where loopback is allowed', (address) => {
    expect(refusalOfAddress(address, OPEN_ON_LOOPBACK)).toBeDefined();
  });

  test.each(NEVER)('no setting opens %s', (address) => {
    expect(refusalOfAddress(address, { allowLoopback: true, allowed: ['0.0.0.0/0', '::/0'] })).toBeDefined();
  });

  test('a block that is named is open, mapped forms included, and nothing beside it', () => {
    const policy = { allowLoopback: false, allowed: ['10.20.0.0/16', 'fd12:3456::/32'] };
    for (const address of ['10.20.1.1', '::ffff:10.20.1.1', 'fd12:3456::9'])
      expect(refusalOfAddress(address, policy)).toBeUndefined();
    for (const address of ['10.21.1.1', 'fd12:3457::9', '127.0.0.1']) expect(refusalOfAddress(address, policy)).toBeDefined();
  });

  test.each(['', 'localhost', '1.2.3', '12345', 'x::y'])('%j is no address', (text) => {
    expect(refusalOfAddress(text, OPEN_ON_LOOPBACK)).toBeDefined();
  });
});
