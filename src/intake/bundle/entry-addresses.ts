import type { AddressKind } from '../../fhir/references.js';

const RESTFUL = /^(.*\/)?[A-Z][A-Za-z]*\/[A-Za-z0-9\-.]{1,64}$/;
const VERSIONED = /^(.+)\/_history\/[A-Za-z0-9\-.]{1,64}$/;

const MAY_BE_RELATIVE: ReadonlySet<AddressKind> = new Set(['reference', 'url', 'xhtml']);

interface Address {
  local: string;
  /** The hub chose the id; a new resource begins with version 1. */
  created: boolean;
  /** The address is also the canonical URL (`url`) of the resource: as such it stays, wherever it is stored. */
  canonical: boolean;
}

/** Where the resources of a transaction stay: `fullUrl` → `Type/id`. */
export class EntryAddresses {
  private readonly addressOf = new Map<string, Address>();

  get isEmpty(): boolean {
    return this.addressOf.size === 0;
  }

  /** False when the address stands for another entry already. */
  add(fullUrl: string, local: string, created: boolean, canonical = false): boolean {
    if (this.addressOf.has(fullUrl)) return false;
    this.addressOf.set(fullUrl, { local, created, canonical });
    return true;
  }

  /**
   * The new text of an address found in an entry, or undefined where it stays. A relative reference is read against the base of its
   * entry's own fullUrl first (https://hl7.org/fhir/R4B/bundle.html#references), and so are the url of an attachment and a link of a
   * narrative. Uris, canonicals and links change only where the address is given up: a `urn:`, or an id that the hub replaced.
   */
  map(kind: AddressKind, text: string, fullUrl: string | undefined): string | undefined {
    const cut = kind === 'canonical' ? text.search(/[|#]/) : kind === 'reference' ? -1 : text.indexOf('#');
    const plain = cut === -1 ? text : text.slice(0, cut);
    const found = this.find(plain) ?? (MAY_BE_RELATIVE.has(kind) ? this.findRelative(plain, fullUrl) : undefined);
    if (found === undefined || found.local === plain) return undefined;
    if (kind !== 'reference' && (found.canonical || !(found.created || plain.startsWith('urn:')))) return undefined;
    return found.local + text.slice(plain.length);
  }

  private findRelative(text: string, fullUrl: string | undefined): Address | undefined {
    if (fullUrl === undefined || !/^[A-Z]/.test(text)) return undefined;
    const base = RESTFUL.exec(fullUrl)?.[1];
    return base === undefined ? undefined : this.find(base + text);
  }

  private find(text: string): Address | undefined {
    const found = this.addressOf.get(text);
    if (found !== undefined || !text.includes('/_history/')) return found;
    const current = this.addressOf.get(VERSIONED.exec(text)?.[1] ?? '');
    if (current === undefined) return undefined;
    // A reference to one version stays one.
    const version = current.created ? '1' : text.slice(text.lastIndexOf('/') + 1);
    return { ...current, local: `${current.local}/_history/${version}` };
  }
}
