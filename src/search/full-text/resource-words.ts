import { textsOfXhtml } from './narrative-text.js';
import { wordsOf } from './words.js';

/** The words of a resource, each with its places in ascending order. Words of one text follow one another; between two texts a place is free. */
export type WordPlaces = ReadonlyMap<string, readonly number[]>;

/** All words of a resource; those of its narrative have the places up to `narrativeEnd`. */
export interface ResourceWords {
  places: WordPlaces;
  narrativeEnd: number;
}

/** What `_text` looks at: the narrative of the resource itself. */
export function narrativeWords(resource: unknown): WordPlaces {
  const words = new Words();
  words.addNarrative(resource);
  return words.places;
}

/**
 * What `_content` looks at: the narrative and all texts of the resource, contained and bundled ones included. Texts are the values of elements
 * that are strings, codes and dates among them. Left out are names of elements, numbers, ids, references, addresses (`http:`, `urn:` …),
 * base64, and what is secret or meant for the hub alone: headers, what is sealed, extensions of the hub itself.
 */
export function contentWords(resource: unknown): ResourceWords {
  const words = new Words();
  words.addNarrative(resource);
  const narrativeEnd = words.last;
  if (typeof resource === 'object' && resource !== null) words.addElements(resource, resource);
  return { places: words.places, narrativeEnd };
}

const NO_TEXT = new Set([
  'resourceType',
  'id',
  'versionId',
  'lastUpdated',
  'reference',
  'header',
  'data',
  'hash',
  'query',
  'carrierAIDC',
]);
const BASE64 = /Base64Binary$/;
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/|urn:|mailto:|data:)\S*$/i;
const SEALED = /(?:^|:\s*)sealed\.v\d/;
const OWN_EXTENSION = 'https://carillon.example/fhir/';

class Words {
  readonly places = new Map<string, number[]>();
  last = 0;

  addNarrative(resource: unknown): void {
    const div = (resource as { text?: { div?: unknown } } | null)?.text?.div;
    if (typeof div === 'string') this.addXhtml(div);
  }

  /** @param whole the resource, whose own narrative is added already */
  addElements(node: object, whole: object): void {
    const { url, resourceType } = node as { url?: unknown; resourceType?: unknown };
    if (typeof url === 'string' && url.startsWith(OWN_EXTENSION) && resourceType === undefined) return;
    for (const [name, value] of Object.entries(node)) {
      if (NO_TEXT.has(name) && !isNested(value)) continue;
      if (name === 'div' && typeof value === 'string') {
        if (node !== (whole as { text?: unknown }).text) this.addXhtml(value);
      } else if (!BASE64.test(name)) this.addValue(value, whole);
    }
  }

  private addValue(value: unknown, whole: object): void {
    if (typeof value === 'string') {
      if (!ADDRESS.test(value) && !SEALED.test(value)) this.addText(value);
    } else if (Array.isArray(value)) for (const each of value) this.addValue(each, whole);
    else if (typeof value === 'object' && value !== null) this.addElements(value, whole);
  }

  private addXhtml(xhtml: string): void {
    for (const text of textsOfXhtml(xhtml)) this.addText(text);
  }

  private addText(text: string): void {
    const words = wordsOf(text);
    if (words.length === 0) return;
    let place = this.last === 0 ? 0 : this.last + 1;
    for (const word of words) {
      const places = this.places.get(word);
      place += 1;
      if (places === undefined) this.places.set(word, [place]);
      else places.push(place);
    }
    this.last = place;
  }
}

/** An element of several parts, as against a text or a list of texts. */
function isNested(value: unknown): boolean {
  return Array.isArray(value) ? value.some((each) => typeof each === 'object' && each !== null) : typeof value === 'object';
}
