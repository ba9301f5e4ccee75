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

/** Where clouds keep credentials of the machine: link-local, Alibaba, Azure, Oracle, Amazon, Google. No setting opens these. */
const NEVER: readonly Block[] = [
  '169.254.0.0/16',
  'fe80::/10',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
].map((block) => ipaddr.parseCIDR(block));

const NEVER_REFUSAL = 'is a link-local or metadata address';

const GLOBAL_IPV6: Block = ipaddr.parseCIDR('2000::/3');
const LOCAL_NAT64: Block = ipaddr.parseCIDR('64:ff9b:1::/48');

/**
 * Why no connection may be opened to `address` (an IP literal), or undefined where it may. A mapped address is judged like its IPv4
 * address. One that is translated or tunnelled to an IPv4 address never passes as public; where its own block is allowed (a network
 * that reaches IPv4 through NAT64), the address inside must pass as well.
 */
export function refusalOfAddress(address: string, policy: AddressPolicy): string | undefined {
  const reached = parseAddress(address);
  if (reached === undefined) return 'is not an IP address';
  const inside = insideIPv4(reached);
  if ([reached, ...inside].some(isNever)) return NEVER_REFUSAL;
  if (policy.allowed.some((block) => isIn(reached, ipaddr.parseCIDR(block)))) {
    const [only, ...more] = inside;
    return only === undefined || more.length > 0 ? undefined : refusalOfAddress(only.toString(), policy);
  }
  if (reached.range() === 'loopback') return policy.allowLoopback ? undefined : 'is a loopback address';
  if (reached.range() !== 'unicast') return `is not a public address (${reached.range()})`;
  if (reached.kind() === 'ipv6' && !isIn(reached, GLOBAL_IPV6)) return 'is not a public address';
  return inside.length > 0 ? 'is not a public address (it leads to an IPv4 address)' : undefined;
}

/** Why nobody may ever connect to the address, whatever the settings say. */
export function refusalWhateverIsAllowed(address: string): string | undefined {
  const reached = parseAddress(address);
  return reached !== undefined && [reached, ...insideIPv4(reached)].some(isNever) ? NEVER_REFUSAL : undefined;
}

/** Loopback, or in a block that the operator named: not the open internet. Through NAT64 it is where the way ends that counts. */
export function isInside(address: string, policy: AddressPolicy): boolean {
  const reached = parseAddress(address);
  if (reached === undefined) return false;
  if (reached.range() === 'loopback') return true;
  if (!policy.allowed.some((block) => isIn(reached, ipaddr.parseCIDR(block)))) return false;
  const [only, ...more] = insideIPv4(reached);
  return only === undefined || more.length > 0 || isInside(only.toString(), policy);
}

export function isLoopbackAddress(address: string): boolean {
  return parseAddress(address)?.range() === 'loopback';
}

/** ipaddr.js alone would also read `127.1` and octal digits. */
function parseAddress(address: string): Address | undefined {
  const literal = address.replace(/%.*$/, '');
  if (isIP(literal) === 0) return undefined;
  const parsed = ipaddr.parse(literal);
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

function isNever(address: Address): boolean {
  return NEVER.some((block) => isIn(address, block));
}

function isIn(address: Address, [written, bits]: Block): boolean {
  // `::ffff:10.0.0.0/104` names the same addresses as `10.0.0.0/8`.
  const mapped = written instanceof ipaddr.IPv6 && written.isIPv4MappedAddress() && bits >= 96;
  const network = mapped ? (written as ipaddr.IPv6).toIPv4Address() : written;
  return address.kind() === network.kind() && address.match(network as ipaddr.IPv6, mapped ? bits - 96 : bits);
}

/**
 * The IPv4 addresses that an IPv6 one leads to: IPv4-compatible, IPv4-translated, NAT64 and ISATAP have it in the last 32 bits, 6to4 in
 * bits 16 to 48, Teredo inverted in the last 32. Under the local NAT64 prefix its place depends on the network, so all of them count.
 * https://www.rfc-editor.org/rfc/rfc6052#section-2.2
 */
function insideIPv4(address: Address): ipaddr.IPv4[] {
  if (!(address instanceof ipaddr.IPv6) || ['loopback', 'unspecified'].includes(address.range())) return [];
  const bytes = address.toByteArray();
  const pick = (...places: number[]) => new ipaddr.IPv4(places.map((place) => bytes[place]!));
  const last = pick(12, 13, 14, 15);
  const [a, b, c, d, e, f] = address.parts as [number, number, number, number, number, number];
  if (a === 0x2002) return [pick(2, 3, 4, 5)];
  if (a === 0x2001 && b === 0) return [new ipaddr.IPv4(last.toByteArray().map((byte) => byte ^ 0xff))];
  if (isIn(address, LOCAL_NAT64)) return [last, pick(6, 7, 9, 10), pick(7, 9, 10, 11), pick(9, 10, 11, 12)];
  const isatap = (e === 0 || e === 0x0200) && f === 0x5efe;
  if ((a === 0x64 && b === 0xff9b) || (a | b | c | d) === 0 || isatap) return [last];
  return [];
}
