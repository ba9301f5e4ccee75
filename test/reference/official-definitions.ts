import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const core = dirname(require.resolve('hl7.fhir.r4b.core/package.json'));
const files = readdirSync(core);

/** The parts of an official SearchParameter that a search goes by. */
export interface Definition {
  code: string;
  url: string;
  type: 'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';
  base: readonly string[];
  expression: string;
  /** Types a reference may lead to. */
  target?: readonly string[];
  component?: readonly { definition: string; expression: string }[];
}

interface Element {
  path: string;
  type?: readonly { code: string; targetProfile?: readonly string[] }[];
  binding?: { strength: string; valueSet?: string };
  contentReference?: string;
}

interface Structure {
  type: string;
  kind: string;
  derivation?: string;
  baseDefinition?: string;
  snapshot?: { element: readonly Element[] };
}

const read = <T>(file: string) => JSON.parse(readFileSync(join(core, file), 'utf8')) as T;

/** The structures of resources and data types, read from FHIR's own package. */
const structures = files
  .filter((file) => /^StructureDefinition-[A-Z][A-Za-z]*\.json$/.test(file))
  .map((file) => read<Structure>(file))
  .filter(({ derivation, snapshot }) => derivation !== 'constraint' && snapshot !== undefined);

/**
 * What `fhirpath` has to know of R4B: the model of R4 that comes with it, with every structure of R4B laid over it.
 */
export const MODEL = modelOfR4B();

function modelOfR4B() {
  const r4 = require('fhirpath/fhir-context/r4') as Record<string, Record<string, unknown>>;
  const model = {
    ...r4,
    choiceTypePaths: { ...r4.choiceTypePaths },
    pathsDefinedElsewhere: { ...r4.pathsDefinedElsewhere },
    type2Parent: { ...r4.type2Parent },
    path2Type: { ...r4.path2Type },
    path2TypeWithoutElements: { ...r4.path2TypeWithoutElements },
  } as Record<string, Record<string, unknown>>;
  for (const { type, baseDefinition, snapshot } of structures) {
    if (baseDefinition !== undefined) model.type2Parent![type] = baseDefinition.split('/').pop();
    for (const { path, type: types = [], contentReference } of snapshot?.element ?? []) {
      if (!path.includes('.')) continue;
      if (contentReference !== undefined) model.pathsDefinedElsewhere![path] = contentReference.split('#')[1];
      else if (path.endsWith('[x]')) model.choiceTypePaths![path.slice(0, -3)] = types.map(({ code }) => capital(code));
      else if (types[0] !== undefined) {
        const code = types[0].code.replace('http://hl7.org/fhirpath/', '');
        model.path2Type![path] = code;
        if (code !== 'BackboneElement' && code !== 'Element') model.path2TypeWithoutElements![path] = code;
      }
    }
  }
  return model;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export const RESOURCE_TYPES: readonly string[] = structures
  .filter(({ kind, type }) => kind === 'resource' && !['Resource', 'DomainResource'].includes(type))
  .map(({ type }) => type)
  .sort();

/** The parameters that the examples define for illustration. */
const isIllustration = ({ url }: Definition) => /\/SearchParameter\/(example|filter$)/.test(url);

const definitions = files
  .filter((file) => file.startsWith('SearchParameter-'))
  .map((file) => read<Partial<Definition> & { url: string }>(file))
  .filter((definition): definition is Definition => definition.expression !== undefined && definition.base !== undefined)
  .filter((definition) => !isIllustration(definition));

const byUrl = new Map(definitions.map((definition) => [definition.url, definition]));

export function definitionOf(url: string): Definition {
  const definition = byUrl.get(url);
  if (definition === undefined) throw new Error(`there is no search parameter ${url}`);
  return definition;
}

/** The parameters of a resource type, those of all types included. */
export function parametersOf(type: string): readonly Definition[] {
  return definitions.filter(({ base }) => base.some((each) => each === type || each === 'Resource' || each === 'DomainResource'));
}

const elements = new Map<string, Element>();
for (const { snapshot } of structures)
  for (const element of snapshot?.element ?? []) elements.set(element.path.replace('[x]', ''), element);

/**
 * The code system that the codes of an element are from without saying so: that of its required value set, where it draws on one alone.
 * `owner` is the type or path in which the element stands.
 */
export function impliedSystem(owner: string, name: string): string | undefined {
  const binding = elements.get(`${owner}.${name}`)?.binding;
  if (binding?.strength !== 'required' || binding.valueSet === undefined) return undefined;
  const systems = new Set(valueSet(binding.valueSet)?.compose?.include.map(({ system }) => system));
  const [only] = systems;
  return systems.size === 1 ? only : undefined;
}

export interface ValueSet {
  url: string;
  compose?: { include: readonly Include[]; exclude?: readonly unknown[] };
}

interface Include {
  system?: string;
  concept?: readonly { code: string }[];
  filter?: readonly unknown[];
  valueSet?: readonly string[];
}

export interface CodeSystem {
  url: string;
  content: string;
  concept?: readonly Concept[];
}

export interface Concept {
  code: string;
  concept?: readonly Concept[];
  property?: readonly { code: string; valueCode?: string }[];
}

let valueSets: Map<string, ValueSet> | undefined;
let codeSystems: Map<string, CodeSystem> | undefined;

function readAll<T extends { url: string }>(kind: string): Map<string, T> {
  const all = files.filter((file) => file.startsWith(`${kind}-`)).map((file) => read<T>(file));
  return new Map(all.map((each) => [each.url, each]));
}

export function valueSet(canonical: string): ValueSet | undefined {
  valueSets ??= readAll('ValueSet');
  return valueSets.get(canonical.split('|')[0] ?? '');
}

export function codeSystem(url: string): CodeSystem | undefined {
  codeSystems ??= readAll('CodeSystem');
  return codeSystems.get(url);
}
