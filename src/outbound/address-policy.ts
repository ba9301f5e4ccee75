import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = [Address, number];

/** Which addresses the hub may open a connection to. Public ones always; others only where a setting names them. */
export interface AddressPolicy {
  /** Loopback is allowed: right for a hub that only serves its own machine. */
  allowLoopback: boolean;
  /** Blocks such as `10.20.0.0/16` or `fd12:3456::/32`. */
  allowed: readonly string[];
}

/** Where clouds keep credentials of the machine. No setting opens these. */
const NEVER: readonly Block[] = [
  '169.254.0.0/16',
  'fe80::/10',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
].map((block) => ipaddr.parseCIDR(block));

const GLOBAL_IPV6: Block = ipaddr.parseCIDR('2000::/3');

/**
 * Why no connection may be opened to `address` (an IP literal), or undefined where it may. Forms that carry an IPv4 address inside an
 * IPv6 one are judged by what they lead to: a mapped address like its IPv4 address, a translated or tunnelled one never passes as public.
 */
export function refusalOfAddress(address: string, policy: AddressPolicy): string | undefined {
  const literal = address.replace(/%.*$/, '');
  // ipaddr.js alone would also read `127.1` and octal digits.
  if (isIP(literal) === 0) return 'is not an IP address';
  const reached = unmapped(ipaddr.parse(literal));
  const inner = embeddedIPv4(reached);
  for (const candidate of inner ? [reached, inner] : [reached]) {
    if (NEVER.some((block) => isIn(candidate, block))) return 'is a link-local or metadata address';
  }
  if (policy.allowed.some((block) => isIn(reached, ipaddr.parseCIDR(block)))) return undefined;
  if (reached.range() === 'loopback') return policy.allowLoopback ? undefined : 'is a loopback address';
  if (reached.range() !== 'unicast') return `is not a public address (${reached.range()})`;
  if (reached.kind() === 'ipv6' && !isIn(reached, GLOBAL_IPV6)) return 'is not a public address';
  return undefined;
}

function unmapped(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function isIn(address: Address, block: Block): boolean {
  const network = unmapped(block[0]);
  return address.kind() === network.kind() && address.match(network as ipaddr.IPv6, block[1]);
}

/** NAT64 (both prefixes), IPv4-compatible, IPv4-translated: the last 32 bits; 6to4: bits 16 to 48; Teredo: the last 32, inverted. */
function embeddedIPv4(address: Address): ipaddr.IPv4 | undefined {
  if (!(address instanceof ipaddr.IPv6)) return undefined;
  const bytes = address.toByteArray();
  const [a, b] = address.parts as [number, number];
  if (a === 0x2002) return new ipaddr.IPv4(bytes.slice(2, 6));
  if (a === 0x2001 && b === 0) return new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff));
  if ((a === 0x64 && b === 0xff9b) || bytes.slice(0, 8).every((byte) => byte === 0)) return new ipaddr.IPv4(bytes.slice(12));
  return undefined;
}
