import { lookup, Resolver } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isLocalhostName, plainName } from './host-names.js';

/** Every address of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/**
 * The addresses of a name: the machine's own file of hosts, then the name servers, then whatever else the system knows. The name
 * servers are asked directly, because the system's lookup holds one of four threads until it ends: a few names whose servers never
 * answer would stop files and every other name with them. What only the system knows (short names of a search list, other services)
 * is looked up one name at a time.
 */
export const resolveName: Resolve = async (written) => {
  const name = plainName(written);
  if (isLocalhostName(name)) return ['127.0.0.1', '::1'];
  const own = await addressesInHosts(name);
  if (own.length > 0) return own;
  const answered = await askNameServers(name);
  return answered.length > 0 ? answered : askSystem(written);
};

const HOSTS_FILE = process.platform === 'win32' ? undefined : '/etc/hosts';
let hosts: { changed: number; addresses: ReadonlyMap<string, readonly string[]> } | undefined;

async function addressesInHosts(name: string): Promise<readonly string[]> {
  if (HOSTS_FILE === undefined) return [];
  try {
    const { mtimeMs } = await stat(HOSTS_FILE);
    if (hosts?.changed !== mtimeMs) hosts = { changed: mtimeMs, addresses: readHosts(await readFile(HOSTS_FILE, 'utf8')) };
    return hosts.addresses.get(name) ?? [];
  } catch {
    return [];
  }
}

/** The addresses of each name in a file of hosts: an address and its names on each line, `#` before remarks. */
export function readHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names.map(plainName)) found.set(name, [...(found.get(name) ?? []), address]);
  }
  return found;
}

/** How long a name server has for an answer, twice, before the name counts as one that does not answer. */
const SERVER_MS = 2000;

/** None where the name servers know none. */
async function askNameServers(name: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: SERVER_MS, tries: 2 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > 0) return addresses;
  for (const answer of [four, six]) {
    if (answer.status === 'rejected' && (answer.reason as NodeJS.ErrnoException).code === 'ETIMEOUT')
      throw new Error(`the name servers do not answer for ${name}`);
  }
  return [];
}

let asking: Promise<unknown> = Promise.resolve();

function askSystem(name: string): Promise<readonly string[]> {
  const asked = asking.then(() => lookup(name, { all: true })).then((found) => found.map(({ address }) => address));
  asking = asked.catch(() => undefined);
  return asked;
}
