/** The names by which the hub is asked for: its own, or whatever stands in `Host`. */
export interface HostPolicy {
  all: boolean;
  names: ReadonlySet<string>;
}

/** @param words names or `*`, as ALLOWED_HOSTS lists them; the machine's name and the host of PUBLIC_URL are always among them */
export function hostPolicy(words: readonly string[], publicUrl: string, machine: string): HostPolicy {
  const names = [...words, machine, URL.parse(publicUrl)?.hostname ?? '']
    .map((name) => name.toLowerCase())
    .filter((name) => name !== '');
  return { all: words.includes('*'), names: new Set(names) };
}

/**
 * Whether `Host` names this hub. A page of elsewhere whose own name suddenly leads to this machine (DNS rebinding) is for its browser of one
 * origin with the hub, so that no rule about origins keeps it out; the name it asked for does. Clients that name no host are no browsers.
 */
export function isOwnHost({ all, names }: HostPolicy, host: string | undefined): boolean {
  if (all || host === undefined) return true;
  const name = URL.parse(`http://${host}`)?.hostname;
  return name !== undefined && (isLoopbackName(name) || names.has(name));
}

/** `localhost` and the addresses of this machine, as URLs write them. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
