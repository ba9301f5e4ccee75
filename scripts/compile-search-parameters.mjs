/**
 * Reads the official definitions (hl7.fhir.r4b.core, 74 MB) once and writes what searching needs to dist/definitions/:
 *   search-parameters.json  for every resource type its search parameters, each expression cut to what applies to the type; those of
 *                           all types under Resource
 *   search-elements.json    for every type the types of its elements, to compile those expressions
 * Does nothing when both are there and were made from the same package by the same script and its part in src/.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { splitUnion } from '../src/search/split-union.ts';

const script = fileURLToPath(import.meta.url);
const core = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.core/package.json'));
const target = join(dirname(script), '..', 'dist', 'definitions');
const files = readdirSync(core);

const madeFrom = createHash('sha256')
  .update(readFileSync(script))
  .update(readFileSync(join(dirname(script), '..', 'src', 'search', 'split-union.ts')))
  .update(readFileSync(join(core, 'package.json')))
  .digest('hex');

if (stampOf('search-parameters.json') !== madeFrom || stampOf('search-elements.json') !== madeFrom) {
  const structures = read('StructureDefinition').filter(
    ({ kind, derivation, url }) =>
      (kind === 'resource' || kind === 'complex-type') &&
      derivation !== 'constraint' &&
      url.startsWith('http://hl7.org/fhir/StructureDefinition/'),
  );
  const { elements, referenceTargets } = compileElements(structures);
  const concrete = structures.filter(({ kind, abstract }) => kind === 'resource' && !abstract).map(({ type }) => type);
  const parameters = compileParameters(concrete.sort(), referenceTargets);
  mkdirSync(target, { recursive: true });
  write('search-elements.json', { madeFrom, elements });
  write('search-parameters.json', { madeFrom, parameters });
}

function read(kind) {
  return files
    .filter((file) => file.startsWith(`${kind}-`) && file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(core, file), 'utf8')));
}

function stampOf(file) {
  try {
    return JSON.parse(readFileSync(join(target, file), 'utf8')).madeFrom;
  } catch {
    return undefined;
  }
}

/** Through a rename, so that a reader or a second build never sees half a file. */
function write(file, content) {
  const draft = join(target, `${file}.${process.pid}`);
  writeFileSync(draft, JSON.stringify(content));
  renameSync(draft, join(target, file));
}

/**
 * `{ Observation: { status: 'code|http://hl7.org/fhir/observation-status', value: ['Quantity', …], component: 'Observation.component' } }`:
 * choices are lists; a code with a required binding to one code system names it, since searches may.
 */
function compileElements(structures) {
  const systems = impliedSystems();
  const elements = {};
  const referenceTargets = new Map();
  for (const { type, snapshot } of structures) {
    elements[type] ??= {};
    for (const element of snapshot.element) {
      const dot = element.path.lastIndexOf('.');
      if (dot < 0) continue;
      const owner = (elements[element.path.slice(0, dot)] ??= {});
      const name = element.path.slice(dot + 1);
      const types = (element.type ?? []).map(({ code }) => typeName(code, element, systems));
      if (name.endsWith('[x]')) owner[name.slice(0, -3)] = [...new Set(types)];
      else if (element.contentReference) owner[name] = element.contentReference.split('#')[1];
      else if (types[0] === 'BackboneElement' || types[0] === 'Element') owner[name] = element.path;
      else owner[name] = types[0];
      const targets = (element.type ?? [])
        .filter(({ code }) => code === 'Reference' || code === 'canonical')
        .flatMap(({ targetProfile }) => (targetProfile ?? []).map((profile) => profile.split('/').pop()));
      referenceTargets.set(element.path.replace('[x]', ''), targets);
    }
  }
  return { elements, referenceTargets };
}

function typeName(code, element, systems) {
  if (code.startsWith('http://hl7.org/fhirpath/System.')) return element.path.endsWith('.id') ? 'id' : 'string';
  const system =
    code === 'code' && element.binding?.strength === 'required' && systems.get(element.binding.valueSet?.split('|')[0]);
  return system ? `code|${system}` : code;
}

/** The code system of every value set that draws on a single one. */
function impliedSystems() {
  const systems = new Map();
  for (const { url, compose } of read('ValueSet')) {
    const included = new Set((compose?.include ?? []).map(({ system }) => system));
    const [system] = included;
    if (included.size === 1 && system) systems.set(url, system);
  }
  return systems;
}

function compileParameters(resourceTypes, referenceTargets) {
  const isExample = ({ url }) => /\/SearchParameter\/(example|example-.*|filter)$/.test(url);
  const definitions = [...read('SearchParameter').filter((definition) => !isExample(definition)), ...backportParameters()];
  const byType = Object.fromEntries(['Resource', ...resourceTypes].map((type) => [type, []]));
  for (const definition of definitions) {
    if (!definition.expression) continue; // defined in prose only (_text, _has, _filter …)
    for (const base of definition.base ?? []) {
      const inherited = base === 'Resource' || base === 'DomainResource';
      const expression = inherited ? definition.expression : membersFor(base, definition.expression).join(' | ');
      if (!expression) continue;
      byType[inherited ? 'Resource' : base].push({
        code: definition.code,
        url: definition.url,
        type: definition.type,
        expression,
        ...(definition.type === 'reference' ? { targets: targetsOf(definition, expression, referenceTargets) } : {}),
        ...(definition.component ? { components: componentsOf(definition, definitions) } : {}),
      });
    }
  }
  for (const list of Object.values(byType)) list.sort((a, b) => (a.code < b.code ? -1 : 1));
  return byType;
}

/** The members of a union that start at `base`, or at an element of whatever the base is (`name | alias`). */
function membersFor(base, expression) {
  return splitUnion(expression).filter((member) => {
    const [, first = ''] = /^[\s(]*([A-Za-z]+)/.exec(member) ?? [];
    return first === base || /^[a-z]/.test(first);
  });
}

/**
 * The types a reference parameter can lead to on this base: definitions shared by many resources list the targets of all of them, and
 * a bare id in a search must mean as few types as possible. Undefined: any type.
 */
function targetsOf(definition, expression, referenceTargets) {
  const possible = splitUnion(expression).map((member) => {
    const resolved = /\.where\(resolve\(\) is (\w+)\)$/.exec(member);
    if (resolved) return [resolved[1]];
    const path = /^\(?([A-Za-z.]+)(?: as \w+\))?$/.exec(member);
    return (path && referenceTargets.get(path[1])) || undefined;
  });
  const declared = definition.target ?? [];
  if (possible.some((targets) => !targets || targets.length === 0 || targets.includes('Resource'))) {
    return declared.length > 0 && declared.length < 100 && !declared.includes('Resource') ? [...declared].sort() : undefined;
  }
  const united = [...new Set(possible.flat())];
  const both = united.filter((type) => declared.includes(type));
  return (both.length > 0 ? both : united).sort();
}

function componentsOf(definition, definitions) {
  return definition.component.map(({ definition: url, expression }) => ({
    url,
    type: definitions.find((candidate) => candidate.url === url).type,
    expression,
  }));
}

/**
 * Search parameters on Subscription of the Backport IG. The published expressions call extension() on the root and find nothing; these
 * paths say what is meant.
 */
function backportParameters() {
  const guide = 'http://hl7.org/fhir/uv/subscriptions-backport';
  const parameter = (code, type, expression) => ({
    url: `${guide}/SearchParameter/Subscription-${code}`,
    code,
    type,
    base: ['Subscription'],
    expression,
  });
  const extension = (name) => `extension('${guide}/StructureDefinition/${name}').value`;
  const identifier = "extension('http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier').value";
  return [
    parameter('topic', 'string', 'Subscription.criteria'),
    parameter('filter-criteria', 'string', `Subscription.criteria.${extension('backport-filter-criteria')}`),
    parameter('custom-channel', 'token', `Subscription.channel.type.${extension('backport-channel-type')}`),
    parameter('payload-type', 'token', `Subscription.channel.payload.${extension('backport-payload-content')}`),
    parameter('identifier', 'token', `Subscription.${identifier}`),
  ];
}
