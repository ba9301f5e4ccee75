import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { splitUnescaped, unescapeValue } from '../search/query-text.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { type CodeSystem, officialTerminology, Terminology, type ValueSet } from '../search/terminology.js';
import type { FaceReader } from './face-reader.js';
import type { Pair } from './query-pairs.js';

/** A ValueSet as stored: one without `compose` may bring the list itself. */
type StoredValueSet = ValueSet & {
  expansion?: { total?: number; contains?: readonly Contained[] };
};

interface Contained {
  system?: string;
  code?: string;
  abstract?: boolean;
  contains?: readonly Contained[];
}

/** Value sets and code systems that one search may draw on. */
const MOST_READ = 50;

/**
 * What the `:in`, `:not-in`, `:above` and `:below` of a search need of value sets and code systems that clients stored, with all that those
 * refer to; undefined where what comes with FHIR is enough. Of several resources with one URL the newest counts.
 * @throws FhirError 400 when too many would have to be read
 */
export async function storedTerms(
  reader: FaceReader,
  semantics: SearchSemantics,
  face: Face,
  pairs: readonly Pair[],
): Promise<Terminology | undefined> {
  const official = officialTerminologyFor(pairs);
  if (official === undefined) return undefined;
  const found: { valueSets: ValueSet[]; codeSystems: CodeSystem[] } = { valueSets: [], codeSystems: [] };
  const asked = new Set<string>();
  const todo = pairs.flatMap(neededBy);
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const { kind, canonical } = next;
    const name = `${kind} ${canonical}`;
    const isKnown = kind === 'ValueSet' ? official.valueSet(canonical) : official.codeSystem(canonical);
    if (isKnown !== undefined || asked.has(name)) continue;
    asked.add(name);
    if (asked.size > MOST_READ) throw tooMany();
    const stored = await read(reader, semantics, face, kind, canonical);
    for (const one of stored) {
      if (kind === 'CodeSystem') {
        found.codeSystems.push(one as CodeSystem);
        continue;
      }
      const valueSet = listedSet(one as StoredValueSet);
      found.valueSets.push(valueSet);
      todo.push(...referredBy(valueSet));
    }
  }
  return new Terminology(found, official);
}

interface Needed {
  kind: 'ValueSet' | 'CodeSystem';
  canonical: string;
}

function officialTerminologyFor(pairs: readonly Pair[]): Terminology | undefined {
  return pairs.some((pair) => neededBy(pair).length > 0) ? officialTerminology() : undefined;
}

function neededBy([name, value]: Pair): Needed[] {
  const [, modifier] = MODIFIER.exec(name) ?? [];
  if (modifier === undefined) return [];
  const values = splitUnescaped(value, ',');
  if (modifier === 'in' || modifier === 'not-in')
    return values.map((text) => ({ kind: 'ValueSet', canonical: unescapeValue(text) }));
  return values.flatMap((text) => {
    const [system = '', code] = splitUnescaped(text, '|').map(unescapeValue);
    return code === undefined ? [] : [{ kind: 'CodeSystem' as const, canonical: system }];
  });
}

const MODIFIER = /:(in|not-in|above|below)$/;

function referredBy({ compose }: ValueSet): Needed[] {
  return [...(compose?.include ?? []), ...(compose?.exclude ?? [])].flatMap(({ system, version, concept, valueSet = [] }) => [
    ...valueSet.map((canonical): Needed => ({ kind: 'ValueSet', canonical })),
    ...(system === undefined || concept !== undefined
      ? []
      : [{ kind: 'CodeSystem' as const, canonical: version === undefined ? system : `${system}|${version}` }]),
  ]);
}

/** The newest first. `ValueSet/[id]` names a resource of this hub. */
async function read(
  reader: FaceReader,
  semantics: SearchSemantics,
  face: Face,
  kind: Needed['kind'],
  canonical: string,
): Promise<(ValueSet | CodeSystem)[]> {
  const [, id] = LOCAL.exec(canonical) ?? [];
  if (id !== undefined) {
    const body = (await reader.current(face, kind, id))?.body;
    return body == null ? [] : [{ ...(JSON.parse(body) as ValueSet), url: canonical }];
  }
  const url = canonical.split('|')[0] ?? '';
  if (url === '') return [];
  const query = semantics.parse(kind, [['url', url.replace(/[\\,|$]/g, '\\$&')]], { handling: 'strict' });
  const { matches } = await reader.search(face, { ...query, total: 'none' }, { count: MOST_READ });
  return matches.flatMap(({ body }) => (body === null ? [] : [JSON.parse(body) as ValueSet | CodeSystem]));
}

const LOCAL = /^ValueSet\/([A-Za-z0-9\-.]{1,64})$/;

/** A value set that consists of its expansion alone counts as one that enumerates it, if the expansion is whole. */
function listedSet(valueSet: StoredValueSet): ValueSet {
  const { compose, expansion } = valueSet;
  if (compose !== undefined || expansion?.contains === undefined) return valueSet;
  const codes = flat(expansion.contains).filter(({ code, abstract }) => code !== undefined && abstract !== true);
  if (expansion.total !== undefined && expansion.total > codes.length) return valueSet;
  const include = codes.map(({ system = '', code = '' }) => ({ system, concept: [{ code }] }));
  return { ...valueSet, compose: { include } };
}

function flat(contains: readonly Contained[]): Contained[] {
  return contains.flatMap((each) => [each, ...flat(each.contains ?? [])]);
}

function tooMany(): FhirError {
  const why = `This search draws on more than ${String(MOST_READ)} value sets and code systems`;
  return new FhirError('too-costly', why, undefined, { status: 400 });
}
