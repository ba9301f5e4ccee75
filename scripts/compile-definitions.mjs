/**
 * Compiles the structure definitions of FHIR R4B (74 MB in `hl7.fhir.r4b.core`) into what the hub needs of them at run time,
 * `dist/definitions/elements.json`: every type with its elements, their types, cardinality and the codes allowed by a required
 * binding: `{"codes":[["final",…],…],"types":{"Observation":{"resource":true,"elements":{"status":["code",1,1,7],…}},…}}`.
 * An element is `[types joined by |, min, max (0 = any number), index into codes or null, flags]`; an element of a type of its own, or one
 * that borrows another's content, names it by path (`Observation.component`). Flags: 1 = in summaries, 2 = modifier; left out where 0.
 * Beside it `compartments.json`: `{"Patient":{"Observation":["performer","subject"],…},…}`, the search parameters by which resources of a
 * type belong to the compartment.
 *
 * Does nothing when the file is already made from this package by this script. Runs under Node 20 too.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CORE = new URL('../node_modules/hl7.fhir.r4b.core/', import.meta.url);
const OUT = new URL('../dist/definitions/', import.meta.url);
const STAMP = 'elements.stamp';
/** A code system longer than this is not a list to be held to at intake (the largest kept is that of currencies, 177). */
const MOST_CODES = 400;

const stamp = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(readFileSync(new URL('package.json', CORE)))
  .digest('hex');

function upToDate() {
  const files = [STAMP, 'elements.json', 'compartments.json'].map((name) => new URL(name, OUT));
  return files.every((file) => existsSync(file)) && readFileSync(files[0], 'utf8') === stamp;
}

function compile() {
  const codeLists = new CodeLists();
  const types = {};
  for (const definition of baseDefinitions()) Object.assign(types, typesOf(definition, codeLists));
  mkdirSync(OUT, { recursive: true });
  write('elements.json', JSON.stringify({ codes: codeLists.lists, types }));
  write('compartments.json', JSON.stringify(compartments()));
  write(STAMP, stamp);
}

/** The five compartments of https://hl7.org/fhir/R4B/compartmentdefinition.html; the example is none of them. */
function compartments() {
  const definitions = readdirSync(CORE)
    .filter((name) => /^CompartmentDefinition-(?!example)\w+\.json$/.test(name))
    .sort()
    .map(readCore);
  return Object.fromEntries(definitions.map(({ code, resource }) => [code, Object.fromEntries(resource.flatMap(membership))]));
}

/** `{def}` stands for the resource that the compartment is named after, which is known without it. */
function membership({ code, param = [] }) {
  const parameters = param.filter((name) => name !== '{def}').sort();
  return parameters.length === 0 ? [] : [[code, parameters]];
}

/** Two builds at once must not read each other's half-written file. */
function write(name, text) {
  const unfinished = new URL(`${name}.${process.pid}`, OUT);
  writeFileSync(unfinished, text);
  renameSync(unfinished, new URL(name, OUT));
}

/** Concrete resources and complex types; profiles and extensions have a hyphen in their names, logical models another kind. */
function baseDefinitions() {
  return readdirSync(CORE)
    .filter((name) => /^StructureDefinition-[A-Z]\w*\.json$/.test(name))
    .sort()
    .map(readCore)
    .filter(({ kind, derivation, abstract }) => kind !== 'logical' && derivation === 'specialization' && !abstract)
    .concat(['Element', 'BackboneElement'].map((name) => readCore(`StructureDefinition-${name}.json`)))
    .filter((definition, index, all) => all.findIndex(({ type }) => type === definition.type) === index);
}

function readCore(name) {
  return JSON.parse(readFileSync(new URL(name, CORE), 'utf8'));
}

/** The type itself and one type for each of its elements that has elements of its own. */
function typesOf({ type, kind, snapshot }, codeLists) {
  const [, ...elements] = snapshot.element;
  const withChildren = new Set(elements.map(({ path }) => parentOf(path)));
  const types = { [type]: { ...(kind === 'resource' ? { resource: true } : {}), elements: {} } };
  for (const element of elements) {
    if (withChildren.has(element.path)) types[element.path] = { elements: {} };
    const codes = codeLists.indexFor(element);
    const max = element.max === '*' ? 0 : Number(element.max);
    types[parentOf(element.path)].elements[element.path.slice(parentOf(element.path).length + 1)] = [
      withChildren.has(element.path) ? element.path : typeNames(element, kind).join('|'),
      element.min,
      max,
      ...tail(codes, (element.isSummary === true ? 1 : 0) + (element.isModifier === true ? 2 : 0)),
    ];
  }
  return types;
}

function tail(codes, flags) {
  if (flags !== 0) return [codes ?? null, flags];
  return codes === undefined ? [] : [codes];
}

function parentOf(path) {
  return path.slice(0, path.lastIndexOf('.'));
}

function typeNames(element, kind) {
  if (element.contentReference !== undefined) return [element.contentReference.slice(1)];
  return [...new Set(element.type.map(({ code }) => (code.includes('/') ? systemType(element.path, kind) : code)))];
}

/** `id` and `Extension.url` are typed by FHIRPath's system types; the definitions of 4.3.0 call an element's id an `id`, the text a string. */
function systemType(path, kind) {
  if (path === 'Extension.url') return 'uri';
  return kind === 'resource' && path.split('.').length === 2 ? 'id' : 'string';
}

/** The codes of required bindings, each list once. */
class CodeLists {
  lists = [];
  indexes = new Map();

  indexFor({ binding, type }) {
    if (binding?.strength !== 'required' || binding.valueSet === undefined) return undefined;
    if (type.length !== 1 || type[0].code !== 'code') return undefined;
    const url = binding.valueSet.split('|')[0];
    if (!this.indexes.has(url)) {
      const codes = codesOfValueSet(url);
      this.indexes.set(url, codes && codes.length <= MOST_CODES ? this.lists.push(codes) - 1 : undefined);
    }
    return this.indexes.get(url);
  }
}

/** All codes of a value set, or undefined where it cannot be listed from this package (MIME types, languages, filters). */
function codesOfValueSet(url) {
  const valueSet = byUrl('ValueSet', url);
  if (valueSet?.compose === undefined) return undefined;
  const included = valueSet.compose.include.map(codesOfInclude);
  const excluded = (valueSet.compose.exclude ?? []).map(codesOfInclude);
  if ([...included, ...excluded].includes(undefined)) return undefined;
  const left = new Set(included.flat());
  for (const code of excluded.flat()) left.delete(code);
  return [...left];
}

function codesOfInclude({ system, concept, filter, valueSet }) {
  if (filter !== undefined) return undefined;
  if (concept !== undefined) return concept.map(({ code }) => code);
  if (valueSet !== undefined) {
    const lists = valueSet.map((url) => codesOfValueSet(url.split('|')[0]));
    return system !== undefined || lists.includes(undefined) ? undefined : lists.flat();
  }
  const codeSystem = byUrl('CodeSystem', system);
  return codeSystem?.content === 'complete' ? codesOfConcepts(codeSystem.concept ?? []) : undefined;
}

function codesOfConcepts(concepts) {
  return concepts.flatMap(({ code, property, concept = [] }) => [
    ...(property?.some(({ code: name, valueBoolean }) => name === 'notSelectable' && valueBoolean) ? [] : [code]),
    ...codesOfConcepts(concept),
  ]);
}

function byUrl(type, url) {
  const file = `${type}-${url.slice(url.lastIndexOf('/') + 1)}.json`;
  if (!existsSync(new URL(file, CORE))) return undefined;
  const resource = readCore(file);
  return resource.url === url ? resource : undefined;
}

if (!upToDate()) compile();
