import { describe, expect, test } from '@jest/globals';
import { accessKeysOf, valueKeysOf } from '../../../src/search/access-keys.js';
import { canonicalQuery } from '../../../src/search/canonical-query.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { encodeForQuery, escapeValue } from '../../../src/search/query-text.js';
import type { Clause } from '../../../src/search/query.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import type { ExtractedValues, ParameterValues } from '../../../src/search/values.js';
import { officialExamples } from './official-examples.js';

const definitions = SearchDefinitions.load();
const semantics = new SearchSemantics(definitions, ['http://127.0.0.1:8080/fhir/r4b']);
const NOW = Date.UTC(2026, 0, 1);

interface Indexed {
  file: string;
  values: ExtractedValues;
  keys: Set<number>;
}

const byType = new Map<string, Indexed[]>();
for (const { file, resource } of officialExamples(definitions)) {
  const values = semantics.extract(resource.resourceType, resource, { id: resource.id ?? 'x', lastUpdated: new Date(NOW) });
  const indexed = { file, values, keys: equalityKeysOf(values) };
  byType.set(resource.resourceType, [...(byType.get(resource.resourceType) ?? []), indexed]);
}

/** Queries that the resource must answer, made from its own values: `[modifier, value]`. */
function queriesFor(found: ParameterValues): [modifier: string, value: string][] {
  switch (found.type) {
    case 'token':
      return found.values.flatMap(({ system, code, text, typeCodings }): [string, string][] => {
        const queries: [string, string][] = text ? [[':text', escapeValue(text)]] : [];
        if (system !== undefined) queries.push(['', `${escapeValue(system)}|`]);
        if (code === undefined) return queries;
        queries.push(['', escapeValue(code)], ['', `${escapeValue(system ?? '')}|${escapeValue(code)}`]);
        for (const coding of typeCodings ?? [])
          if (coding.code) queries.push([':of-type', [coding.system ?? '', coding.code, code].map(escapeValue).join('|')]);
        return queries;
      });
    case 'reference':
      return found.values.flatMap(({ type, id, url, version, identifier }): [string, string][] => {
        const queries: [string, string][] = [];
        if (identifier?.code)
          queries.push([':identifier', `${escapeValue(identifier.system ?? '')}|${escapeValue(identifier.code)}`]);
        if (type !== undefined && definitions.isResourceType(type)) {
          queries.push(['', `${type}/${id}`], ['', `http://127.0.0.1:8080/fhir/r4b/${type}/${id}`]);
          if (version !== undefined) queries.push(['', `${type}/${id}/_history/${version}`]);
        }
        if (url !== undefined && /^[a-z]+:/.test(url)) {
          queries.push(['', escapeValue(url)]);
          if (version !== undefined) queries.push(['', escapeValue(`${url}|${version}`).replaceAll('\\|', '|')]);
        }
        return queries;
      });
    case 'uri':
      return found.values.flatMap((uri): [string, string][] => [
        ['', escapeValue(uri)],
        [':below', escapeValue(uri)],
        [':above', escapeValue(uri.includes('://') ? `${uri}/under` : uri)],
      ]);
    case 'string':
      return found.values.flatMap(({ exact }): [string, string][] => [
        ['', escapeValue(exact.toUpperCase())],
        [':exact', escapeValue(exact)],
        [':contains', escapeValue(exact.slice(1) || exact)],
      ]);
    case 'date':
      return found.values.flatMap(({ low, high }): [string, string][] =>
        Number.isFinite(low) && Number.isFinite(high)
          ? [
              ['', `ge${new Date(low).toISOString()}`],
              ['', `le${new Date(high - 1).toISOString()}`],
              ['', `ap${new Date(low).toISOString()}`],
              ['', `sa${new Date(low - 1).toISOString()}`],
            ]
          : [],
      );
    case 'number':
    case 'quantity':
      return found.values.flatMap((value) =>
        Number.isFinite(value.low) && value.low === value.high
          ? ['', 'ge', 'le', 'ap'].map((prefix): [string, string] => ['', prefix + value.low])
          : [],
      );
    case 'special':
      return found.values.map(({ latitude, longitude }): [string, string] => [
        '',
        `${String(latitude)}|${String(longitude)}|1|km`,
      ]);
    case 'full-text':
      return [...(found.values[0]?.keys() ?? [])].slice(0, 3).map((word): [string, string] => ['', `"${word}"`]);
    case 'composite':
      return found.values.flatMap((parts) => {
        const [first, second] = parts.map((part) => queriesFor(part).filter(([modifier]) => modifier === ''));
        return (first ?? []).flatMap(([, a]) =>
          (parts.length === 2 ? (second ?? []) : []).map(([, b]): [string, string] => ['', `${a}$${b}`]),
        );
      });
  }
}

const intersects = (keys: Set<number>, wanted: readonly number[]) => wanted.some((key) => keys.has(key));

describe('over all official examples and the queries their own values make', () => {
  const queries: { file: string; type: string; text: string; clause: Clause; values: ExtractedValues }[] = [];
  for (const [type, list] of byType) {
    for (const { file, values } of list) {
      for (const [code, found] of values.entries()) {
        for (const [modifier, value] of queriesFor(found).slice(0, 8)) {
          if (value.length > 4_096 || value === '') continue;
          const text = `${code}${modifier}=${encodeForQuery(value)}`;
          const [clause] = semantics.parse(type, text, { handling: 'strict', now: NOW }).clauses;
          queries.push({ file, type, text, clause: clause as Clause, values });
        }
      }
    }
  }

  test('there are many, of every kind', () => {
    expect(queries.length).toBeGreaterThan(20_000);
    expect(new Set(queries.map(({ clause }) => clause.parameter.type)).size).toBe(9);
  });

  test('a resource answers them', () => {
    const missed = queries
      .filter(({ clause, values }) => !clauseHolds(clause, values))
      .map(({ file, text }) => `${file} ${text}`);
    expect(missed).toEqual([]);
  });

  test('whatever matches is found under the access keys, and value keys decide alone', () => {
    const wrong: string[] = [];
    for (const { type, text, clause } of queries) {
      const access = accessKeysOf(clause);
      const deciding = valueKeysOf(clause);
      const list = byType.get(type) as Indexed[];
      const others = list.filter((_, i) => list.length < 6 || i % Math.ceil(list.length / 6) === text.length % 3);
      for (const { file, values, keys } of others) {
        const holds = clauseHolds(clause, values);
        if (holds && access && !intersects(keys, access)) wrong.push(`${file} is not found by ${text}`);
        if (deciding && intersects(keys, deciding) !== holds) wrong.push(`${file} ${text}: keys and values disagree`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('the canonical text parses back to itself and to the same answers', () => {
    const wrong: string[] = [];
    for (const { type, text, values } of queries) {
      const query = semantics.parse(type, text, { handling: 'strict', now: NOW });
      const canonical = canonicalQuery(query);
      const again = semantics.parse(type, canonical.slice(type.length + 1), { handling: 'strict', now: NOW });
      if (canonicalQuery(again) !== canonical) wrong.push(`${text} → ${canonical} → ${canonicalQuery(again)}`);
      if (again.clauses.some((clause) => !clauseHolds(clause, values))) wrong.push(`${text} → ${canonical} does not hold`);
    }
    expect(wrong).toEqual([]);
  });

  test(':not and :missing say the contrary of what they negate', () => {
    const wrong: string[] = [];
    const plainTokens = queries.filter(({ clause }) => clause.parameter.type === 'token' && !clause.modifier);
    for (const { type, text, clause } of plainTokens.filter((_, i) => i % 7 === 0)) {
      const parse = (query: string) => semantics.parse(type, query, { handling: 'strict' }).clauses[0] as Clause;
      const negated = parse(text.replace('=', ':not='));
      const missing = parse(`${clause.parameter.code}:missing=true`);
      const present = parse(`${clause.parameter.code}:missing=false`);
      for (const { file, values, keys } of (byType.get(type) as Indexed[]).slice(0, 5)) {
        if (clauseHolds(negated, values) === clauseHolds(clause, values)) wrong.push(`${file} ${text}: not`);
        if (clauseHolds(missing, values) === clauseHolds(present, values)) wrong.push(`${file} ${text}: missing`);
        if (intersects(keys, accessKeysOf(present) as number[]) !== clauseHolds(present, values))
          wrong.push(`${file} ${text}: keys`);
      }
      if (accessKeysOf(negated) !== undefined) wrong.push(`${text}: a negation has no access path`);
    }
    expect(wrong).toEqual([]);
  });
});
