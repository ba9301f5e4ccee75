import { readsAsLink } from './parse-link.js';
import type { Clause, Link, Query } from './query.js';

/** A link, and how it was written: `name=value`. */
export interface WrittenLink {
  link: Link;
  written: string;
}

/** What one parameter of a query asks: of the resource itself, or of what it is linked with. */
export type Condition = Clause | WrittenLink;

export function isLinked(condition: Condition): condition is WrittenLink {
  return 'link' in condition;
}

/** The links of a query with their texts. */
export function writtenLinks({ links, used }: Pick<Query, 'links' | 'used'>): WrittenLink[] {
  if (links.length === 0) return [];
  const pairs = used.filter(([name]) => readsAsLink(name));
  return links.map((link, index) => ({ link, written: (pairs[index] ?? []).join('=') }));
}

export function conditionsOf(query: Pick<Query, 'clauses' | 'links' | 'used'>): readonly Condition[] {
  return query.links.length === 0 ? query.clauses : [...query.clauses, ...writtenLinks(query)];
}
