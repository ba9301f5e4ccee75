/**
 * Compiles what `$validate` checks beyond the structure, `dist/definitions/rules.json`: the invariants of every type, the types that its
 * references may lead to, and the value sets of required bindings that intake does not hold a code to.
 * `{"invariants":[[key,"error",text,expression],…],"types":{"Observation":{"invariants":[0,7],"elements":{"subject":{"targets":["Patient",…]},
 * "category":{"valueSet":"…"},"address":{"invariants":[9]}}},…}}`. An invariant that an element inherits from its type stands with the type alone.
 *
 * Runs under Node 20 too.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const CORE = new URL('../node_modules/hl7.fhir.r4b.core/', import.meta.url);
const OUT = new URL('../dist/definitions/', import.meta.url);
/** Stand at almost every element: ele-1 is that of Element, ext-1 that of Extension. */
const OF_TYPES = new Set(['ele-1', 'ext-1']);
const PROFILE = 'http://hl7.org/fhir/StructureDefinition/';

/**
 * Two rules take the length of an element where that of its id is meant, which
 * no evaluator can answer.
 */
const MENDED = { 'sdf-24': ['$this.length()', '$this.id.length()'], 'sdf-25': ['$this.length()', '$this.id.length()'] };

const invariants = [];
const indexes = new Map();

function compile() {
  const types = {};
  for (const { type, snapshot } of definitions()) {
    const paths = new Set(snapshot.element.map(({ path }) => parentOf(path)));
    for (const element of snapshot.element) addElement(types, type, element, paths);
  }
  mkdirSync(OUT, { recursive: true });
  const unfinished = new URL(`rules.json.${process.pid}`, OUT);
  writeFileSync(unfinished, JSON.stringify({ invariants, types }));
  renameSync(unfinished, new URL('rules.json', OUT));
}

/** Concrete resources and complex types, once each: profiles and extensions have a hyphen in their names. */
function definitions() {
  return readdirSync(CORE)
    .filter((name) => /^StructureDefinition-[A-Z]\w*\.json$/.test(name))
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, CORE), 'utf8')))
    .filter(
      ({ kind, derivation, abstract }) => /^(resource|complex-type)$/.test(kind) && derivation === 'specialization' && !abstract,
    )
    .filter((definition, index, all) => all.findIndex(({ type }) => type === definition.type) === index);
}

function addElement(types, type, element, paths) {
  const own = (element.constraint ?? []).filter(({ key, expression }) => expression !== undefined && !OF_TYPES.has(key));
  const found = own.map(indexOf);
  if (element.path === 'Extension') found.push(...element.constraint.filter(({ key }) => key === 'ext-1').map(indexOf));
  if (paths.has(element.path)) {
    if (found.length > 0) entry(types, element.path).invariants = found;
    return;
  }
  const rules = {
    ...(found.length > 0 ? { invariants: found } : {}),
    ...targetsOf(element),
    ...bindingOf(element),
  };
  if (Object.keys(rules).length === 0) return;
  const owner = entry(types, parentOf(element.path));
  (owner.elements ??= {})[element.path.slice(parentOf(element.path).length + 1)] = rules;
}

function entry(types, path) {
  return (types[path] ??= {});
}

function indexOf({ key, severity, human, expression: written }) {
  const [wrong, right] = MENDED[key] ?? ['', ''];
  if (!written.includes(wrong)) throw new Error(`${key} is not what was mended here: ${written}`);
  const expression = written.replace(wrong, right);
  const text = JSON.stringify([key, severity, human, expression]);
  if (!indexes.has(text)) indexes.set(text, invariants.push([key, severity, human, expression]) - 1);
  return indexes.get(text);
}

/** A reference to `Resource` may lead anywhere. */
function targetsOf({ type = [] }) {
  const targets = type
    .filter(({ code }) => code === 'Reference' || code === 'CodeableReference')
    .flatMap(({ targetProfile = [PROFILE + 'Resource'] }) => targetProfile.map((url) => url.slice(PROFILE.length)));
  return targets.length === 0 || targets.includes('Resource') ? {} : { targets: [...new Set(targets)] };
}

function bindingOf({ binding, type = [] }) {
  if (binding?.strength !== 'required' || binding.valueSet === undefined) return {};
  const coded = type.some(({ code }) => ['CodeableConcept', 'Coding', 'CodeableReference'].includes(code));
  return coded ? { valueSet: binding.valueSet.split('|')[0] } : {};
}

function parentOf(path) {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

compile();
