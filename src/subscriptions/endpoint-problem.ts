import ipaddr from 'ipaddr.js';

/**
 * Why an endpoint that is called by HTTP is refused before anything is sent to it; undefined: it may be tried. Addresses behind names are checked
 * again at the socket: this is only the plain refusal that the client can read at once.
 */
export function endpointProblem(endpoint: string): string | undefined {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    return `"${endpoint}" is not an absolute URL.`;
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `This channel needs an http: or https: endpoint, not ${url.protocol}`;
  if (/[\s\u0000-\u001f]/.test(endpoint)) return 'The endpoint holds white space or control characters.';
  if (isMetadataHost(url.hostname))
    return `The endpoint ${url.hostname} is a link-local or metadata address, to which the hub never sends.`;
  return undefined;
}

const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'instance-data',
  'instance-data.ec2.internal',
]);
/** Alibaba, Oracle, Azure wire server. */
const METADATA_V4: ReadonlySet<string> = new Set(['100.100.100.200', '192.0.0.192', '168.63.129.16']);
/** Amazon's IPv6 metadata service and its neighbours. */
const METADATA_V6 = ipaddr.IPv6.parseCIDR('fd00:ec2::/32');
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
const SIX_TO_FOUR = ipaddr.IPv6.parseCIDR('2002::/16');

/** `URL` has already folded 0xa9fea9fe, 2852039166 and the like into dotted form. */
function isMetadataHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (METADATA_NAMES.has(host)) return true;
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host);
  return address instanceof ipaddr.IPv4 ? isMetadataV4(address) : isMetadataV6(address as ipaddr.IPv6);
}

function isMetadataV4(address: ipaddr.IPv4): boolean {
  return address.range() === 'linkLocal' || METADATA_V4.has(address.toString());
}

function isMetadataV6(address: ipaddr.IPv6): boolean {
  if (address.range() === 'linkLocal' || address.match(METADATA_V6)) return true;
  const bytes = address.toByteArray();
  if (address.match(NAT64)) return isMetadataV4(new ipaddr.IPv4(bytes.slice(12)));
  if (address.match(SIX_TO_FOUR)) return isMetadataV4(new ipaddr.IPv4(bytes.slice(2, 6)));
  return false;
}
