import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { type Direction, type KnownPlaces, partOf, placeName } from '../search/part-of.js';
import { splitUnescaped, unescapeValue } from '../search/query-text.js';
import { readReferenceText } from '../search/read-reference.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { SearchParameter } from '../search/values.js';
import type { FaceReader } from './face-reader.js';
import type { Pair } from './query-pairs.js';

/** Resources of one hierarchy that a search may go by. */
const MOST_PLACES = 1_000;
const AT_ONCE = 200;

/**
 * Where the references lie that a search names with `:above` and `:below`: `location:below=Location/1` means the Location and all that are
 * part of it, at any depth, as they are stored now. An id without a type is taken for each type that the parameter may lead to.
 * @throws FhirError 400 when a hierarchy is too large
 */
export async function knownPlaces(
  reader: FaceReader,
  semantics: SearchSemantics,
  face: Face,
  types: readonly string[],
  pairs: readonly Pair[],
): Promise<KnownPlaces> {
  const places = new Map<string, readonly string[]>();
  for (const { name, direction, of, id, by } of pairs.flatMap((pair) => askedBy(semantics, types, pair))) {
    const place = placeName(direction, of, id);
    if (places.has(place)) continue;
    const walk = { reader, semantics, face, of, by, name };
    places.set(place, direction === 'below' ? await below(walk, id) : await above(walk, id));
  }
  return places;
}

interface Asked {
  name: string;
  direction: Direction;
  of: string;
  id: string;
  by: SearchParameter;
}

const NAME = /^(.*):(above|below)$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

function askedBy({ definitions, bases }: SearchSemantics, types: readonly string[], [name, value]: Pair): Asked[] {
  const [, code = '', direction] = NAME.exec(name) ?? [];
  if (direction === undefined) return [];
  return splitUnescaped(value, ',').flatMap((text) => {
    const reference = unescapeValue(text);
    const local = ID.test(reference) ? undefined : readReferenceText(reference, bases);
    const targets = local === undefined ? types.flatMap((type) => targetsOf(definitions.find(type, code))) : [local.type ?? ''];
    return [...new Set(targets)].flatMap((of) => {
      const by = partOf(definitions, of);
      return by === undefined ? [] : [{ name, direction: direction as Direction, of, id: local?.id ?? reference, by }];
    });
  });
}

function targetsOf(parameter: SearchParameter | undefined): readonly string[] {
  return parameter?.type === 'reference' ? parameter.targets : [];
}

interface Walk {
  reader: FaceReader;
  semantics: SearchSemantics;
  face: Face;
  of: string;
  by: SearchParameter;
  name: string;
}

async function below({ reader, semantics, face, of, by, name }: Walk, id: string): Promise<string[]> {
  const found = new Set([id]);
  let parents = [id];
  while (parents.length > 0) {
    const asked = parents.splice(0, AT_ONCE);
    const value = asked.map((parent) => `${of}/${parent}`).join(',');
    const query = semantics.parse(of, [[by.code, value]], { handling: 'strict' });
    const { matches } = await reader.search(face, { ...query, total: 'none' }, { count: MOST_PLACES + 1 });
    const added = matches.map((match) => match.id).filter((each) => !found.has(each));
    for (const each of added) found.add(each);
    if (found.size > MOST_PLACES) throw tooMany(name, of, id);
    parents = [...parents, ...added];
  }
  return [...found];
}

async function above({ reader, semantics, face, of, by, name }: Walk, id: string): Promise<string[]> {
  const found = new Set([id]);
  // A set that is walked takes in what is added meanwhile; a ring ends where it began.
  for (const each of found) {
    if (found.size > MOST_PLACES) throw tooMany(name, of, id);
    const body = (await reader.current(face, of, each))?.body;
    if (body == null) continue;
    const parents = semantics.extract(of, JSON.parse(body)).get(by.code);
    if (parents?.type !== 'reference') continue;
    for (const parent of parents.values) if (parent.type === of && parent.id !== undefined) found.add(parent.id);
  }
  return [...found];
}

function tooMany(name: string, of: string, id: string): FhirError {
  const why = `parameter '${name}': the hierarchy of ${of}/${id} has more than ${String(MOST_PLACES)} members`;
  return new FhirError('too-costly', why, name, { status: 400 });
}
