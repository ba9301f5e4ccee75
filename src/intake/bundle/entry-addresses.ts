import type { AddressKind } from '../../fhir/references.js';

const RESTFUL = /^(.*\/)?[A-Z][A-Za-z]*\/[A-Za-z0-9\-.]{1,64}$/;
const VERSIONED = /^(.+)\/_history\/[A-Za-z0-9\-.]{1,64}$/;

/** Where the resources of a transaction stay: `fullUrl` → `Type/id`, with the version a new one begins with. */
export class EntryAddresses {
  private readonly localOf = new Map<string, { local: string; created: boolean }>();

  /** False when the address stands for another entry already. */
  add(fullUrl: string, local: string, created: boolean): boolean {
    if (this.localOf.has(fullUrl)) return false;
    this.localOf.set(fullUrl, { local, created });
    return true;
  }

  /**
   * The new text of an address found in an entry, or undefined where it stays. A relative reference is read against the base of its
   * entry's own fullUrl first. https://hl7.org/fhir/R4B/bundle.html#references
   */
  map(kind: AddressKind, text: string, fullUrl: string | undefined): string | undefined {
    const cut = kind === 'canonical' ? text.search(/[|#]/) : kind === 'reference' ? -1 : text.indexOf('#');
    const plain = cut === -1 ? text : text.slice(0, cut);
    const local = this.find(plain) ?? (kind === 'reference' || kind === 'xhtml' ? this.findRelative(plain, fullUrl) : undefined);
    return local === undefined || local === plain ? undefined : local + text.slice(plain.length);
  }

  private findRelative(text: string, fullUrl: string | undefined): string | undefined {
    if (fullUrl === undefined || !/^[A-Z]/.test(text)) return undefined;
    const base = RESTFUL.exec(fullUrl)?.[1];
    return base === undefined ? undefined : this.find(base + text);
  }

  private find(text: string): string | undefined {
    const found = this.localOf.get(text);
    if (found !== undefined) return found.local;
    const version = text.includes('/_history/') ? VERSIONED.exec(text) : null;
    const versioned = version === null ? undefined : this.localOf.get(version[1]!);
    if (versioned === undefined) return undefined;
    // A reference to one version stays one; what is created here begins with version 1.
    return versioned.created ? `${versioned.local}/_history/1` : versioned.local + text.slice(version![1]!.length);
  }
}
