import type { ResourceWords } from '../search/full-text/resource-words.js';

/** What `resource_words` holds of a resource: `words` is the text of a tsvector. */
export interface WordVector {
  placed: boolean;
  words: string | null;
}

/** Bounds of a tsvector: https://www.postgresql.org/docs/18/textsearch-limitations.html */
const LAST_PLACE = 16_383;
const MOST_PLACES_OF_A_WORD = 255;
const MOST_BYTES = 900_000;

/** The type of a resource as a word of its own, which no text holds. */
export function typeWord(type: string): string {
  return `/${type}`;
}

/** A long text keeps its words and not their places; of one with very many different words nothing is kept. */
export function wordVectorOf(type: string, { places, narrativeEnd }: ResourceWords): WordVector {
  const placed = fits(places);
  const words: string[] = [`'${typeWord(type)}'`];
  let bytes = 0;
  for (const [word, at] of places) {
    // Two bytes for each place and their number, and what aligns them.
    bytes += Buffer.byteLength(word) + 4 + 2 * (placed ? at.length : 1);
    if (bytes > MOST_BYTES) return { placed: false, words: null };
    words.push(`'${word}':${placed ? placesOf(at, narrativeEnd) : (at[0] ?? 0) <= narrativeEnd ? '1A' : '1'}`);
  }
  return { placed, words: words.join(' ') };
}

function fits(places: ResourceWords['places']): boolean {
  for (const at of places.values()) if (at.length > MOST_PLACES_OF_A_WORD || (at.at(-1) ?? 0) > LAST_PLACE) return false;
  return true;
}

function placesOf(at: readonly number[], narrativeEnd: number): string {
  return at.map((place) => (place <= narrativeEnd ? `${place}A` : String(place))).join(',');
}
