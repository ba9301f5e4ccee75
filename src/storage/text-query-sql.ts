import type { TextQuery } from '../search/full-text/text-query.js';
import { typeWord } from './word-vector.js';

/** A full-text clause as texts of tsqueries on `resource_words.words`, all for one type. */
export interface TextQuerySql {
  /** Exact where words bear their places. */
  exact: string;
  /** What holds of every match that does not bear its places: it does not look at phrases; undefined where there are none. */
  withoutPlaces?: string;
}

/**
 * @param weight `A` looks at narratives alone. Words hold letters and digits only, so nothing in them needs an escape.
 */
export function textQuerySql(type: string, query: TextQuery, weight: 'A' | ''): TextQuerySql {
  const ofType = (condition: string) => `'${typeWord(type)}' & (${condition})`;
  const exact = ofType(written(query, weight));
  if (!hasPhrase(query)) return { exact };
  const loose = loosened(query, true);
  return { exact, withoutPlaces: loose === undefined ? `'${typeWord(type)}'` : ofType(written(loose, weight)) };
}

function written(query: TextQuery, weight: string): string {
  switch (query.kind) {
    case 'word':
      return lexeme(query.word, weight);
    case 'prefix':
      return `'${query.prefix}':*${weight}`;
    case 'phrase':
      return `(${query.words.map((word) => lexeme(word, weight)).join(' <-> ')})`;
    case 'not':
      return `!(${written(query.of, weight)})`;
    case 'and':
      return query.of.map((part) => `(${written(part, weight)})`).join(' & ');
    case 'or':
      return query.of.map((part) => `(${written(part, weight)})`).join(' | ');
  }
}

function lexeme(word: string, weight: string): string {
  return weight === '' ? `'${word}'` : `'${word}':${weight}`;
}

function hasPhrase(query: TextQuery): boolean {
  if (query.kind === 'and' || query.kind === 'or') return query.of.some(hasPhrase);
  return query.kind === 'not' ? hasPhrase(query.of) : query.kind === 'phrase';
}

/** A query that knows no phrases and holds wherever this one does; undefined: everywhere. `wanted`: not within a negation. */
function loosened(query: TextQuery, wanted: boolean): TextQuery | undefined {
  switch (query.kind) {
    case 'word':
    case 'prefix':
      return query;
    case 'phrase':
      // Behind a negation nothing may be said but what holds for sure.
      return wanted ? { kind: 'and', of: query.words.map((word) => ({ kind: 'word', word })) } : undefined;
    case 'not': {
      const of = loosened(query.of, !wanted);
      return of && { kind: 'not', of };
    }
    case 'and':
    case 'or': {
      const parts = query.of.map((part) => loosened(part, wanted));
      const known = parts.filter((part) => part !== undefined);
      // What is unknown is true where it is wanted and false behind a negation: it decides an OR or an AND, and else says nothing.
      const unknownDecides = (query.kind === 'or') === wanted;
      if (known.length === 0 || (known.length < parts.length && unknownDecides)) return undefined;
      return { kind: query.kind, of: known };
    }
  }
}
