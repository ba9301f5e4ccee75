import { lookup, Resolver } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isLocalhostName, plainName } from './host-names.js';

/** Every address of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** Where addresses of names are found. */
export interface NameSources {
  /** The machine's own file of hosts; undefined: it has none. */
  hostsFile?: string;
  /** Name servers as `127.0.0.1:53`; undefined: the machine's. */
  servers?: readonly string[];
  /** How long a name server has for an answer, twice, before it counts as silent. */
  serverMs: number;
  /** Whatever else the machine knows. */
  askSystem: Resolve;
}

const MACHINE: NameSources = {
  hostsFile: process.platform === 'win32' ? undefined : '/etc/hosts',
  serverMs: 2000,
  askSystem: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
};

/**
 * The addresses of a name: the machine's own file of hosts, then the name servers, then whatever else the system knows. The name
 * servers are asked directly, because the system's lookup holds one of four threads until it ends: a few names whose servers never
 * answer would stop files and every other name with them. What only the system knows (short names of a search list, other services)
 * is looked up one name at a time.
 */
export function nameResolver(sources: NameSources = MACHINE): Resolve {
  const hosts = hostsOf(sources.hostsFile);
  let asking: Promise<unknown> = Promise.resolve();
  return async (written) => {
    const name = plainName(written);
    if (isLocalhostName(name)) return ['127.0.0.1', '::1'];
    const own = (await hosts()).get(name) ?? [];
    if (own.length > 0) return own;
    const answered = await askNameServers(name, sources);
    if (answered.length > 0) return answered;
    const asked = asking.then(() => sources.askSystem(written));
    asking = asked.catch(() => undefined);
    return asked;
  };
}

export const resolveName: Resolve = nameResolver();

type Hosts = ReadonlyMap<string, readonly string[]>;

/** The file is read again when it has changed. */
function hostsOf(file: string | undefined): () => Promise<Hosts> {
  let read: { changed: number; hosts: Hosts } = { changed: -1, hosts: new Map() };
  return async () => {
    if (file === undefined) return read.hosts;
    try {
      const { mtimeMs: changed } = await stat(file);
      if (changed !== read.changed) read = { changed, hosts: readHosts(await readFile(file, 'utf8')) };
    } catch {
      read = { changed: -1, hosts: new Map() };
    }
    return read.hosts;
  };
}

/** The addresses of each name in a file of hosts: an address and its names on each line, `#` before remarks. */
export function readHosts(text: string): Hosts {
  const found = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names.map(plainName)) found.set(name, [...(found.get(name) ?? []), address]);
  }
  return found;
}

/** None where the name servers know none; an error where they are silent. */
async function askNameServers(name: string, { servers, serverMs }: NameSources): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: serverMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const isSilent = answers.some(({ status, reason }: { status: string; reason?: { code?: string } }) => {
    return status === 'rejected' && reason?.code === 'ETIMEOUT';
  });
  if (addresses.length === 0 && isSilent) throw new Error(`the name servers do not answer for ${name}`);
  return addresses;
}
