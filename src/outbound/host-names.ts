/**
 * Names under which clouds serve the credentials of a machine to whoever asks from it. They lead to addresses that are refused anyway;
 * the names are refused as well, so that a network which serves them elsewhere gives nothing away either.
 */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
  'metadata.packet.net',
  'rancher-metadata',
  'instance-data',
  'instance-data.ec2.internal',
]);

/** `name` in any case, with or without the dot at its end. */
export function isMetadataName(name: string): boolean {
  return METADATA_NAMES.has(plainName(name));
}

/** `localhost` and what stands below it lead to this machine, without asking anybody: https://www.rfc-editor.org/rfc/rfc6761#section-6.3 */
export function isLocalhostName(name: string): boolean {
  return /(^|\.)localhost$/.test(plainName(name));
}

/** The host of a URL as sockets take it: IPv6 literals stand in brackets there. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** In lower case, without the dot that marks the root of all names. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
