import type { WordPlaces } from './resource-words.js';

/** What a full-text search asks for: https://hl7.org/fhir/R4B/search.html#text */
export type TextQuery =
  | { kind: 'word'; word: string }
  /** Some word that begins so. */
  | { kind: 'prefix'; prefix: string }
  /** Words that follow one another. */
  | { kind: 'phrase'; words: readonly string[] }
  | { kind: 'not'; of: TextQuery }
  | { kind: 'and' | 'or'; of: readonly TextQuery[] };

/** Whether these words hold what is asked for: the definition of "matches". */
export function textHolds(query: TextQuery, words: WordPlaces): boolean {
  switch (query.kind) {
    case 'word':
      return words.has(query.word);
    case 'prefix':
      for (const word of words.keys()) if (word.startsWith(query.prefix)) return true;
      return false;
    case 'phrase':
      return phraseHolds(query.words, words);
    case 'not':
      return !textHolds(query.of, words);
    case 'and':
      return query.of.every((part) => textHolds(part, words));
    case 'or':
      return query.of.some((part) => textHolds(part, words));
  }
}

function phraseHolds([first = '', ...rest]: readonly string[], words: WordPlaces): boolean {
  const following = rest.map((word) => new Set(words.get(word)));
  return (words.get(first) ?? []).some((place) => following.every((places, i) => places.has(place + i + 1)));
}

/** In one spelling, which reads back as the same. */
export function printTextQuery(query: TextQuery): string {
  switch (query.kind) {
    case 'word':
      return OPERATORS.has(query.word) ? `"${query.word}"` : query.word;
    case 'prefix':
      return `${query.prefix}*`;
    case 'phrase':
      return `"${query.words.join(' ')}"`;
    case 'not':
      return `-${within(query.of)}`;
    case 'and':
      return printed(query.of, ' ');
    case 'or':
      return printed(query.of, ' OR ');
  }
}

/** Words that join others unless they stand in quotes. */
export const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'not']);

function printed(parts: readonly TextQuery[], joint: string): string {
  return parts.map(within).sort().join(joint);
}

function within(query: TextQuery): string {
  return query.kind === 'and' || query.kind === 'or' ? `(${printTextQuery(query)})` : printTextQuery(query);
}
