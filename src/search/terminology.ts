import { readFileSync } from 'node:fs';

import { FhirError } from '../fhir/fhir-error.js';
import { MAX_EXPANSION } from './search-limits.js';

/** The parts of a CodeSystem that searches go by. */
export interface CodeSystem {
  url: string;
  version?: string;
  content?: string;
  concept?: readonly Concept[];
}

interface Concept {
  code: string;
  concept?: readonly Concept[];
  property?: readonly { code: string; valueCode?: string }[];
}

/** The parts of a ValueSet that searches go by. */
export interface ValueSet {
  url: string;
  version?: string;
  compose?: { include: readonly Include[]; exclude?: readonly Include[] };
}

interface Include {
  system?: string;
  version?: string;
  concept?: readonly { code: string }[];
  filter?: readonly { property: string; op: string; value: string }[];
  valueSet?: readonly string[];
}

export interface TermSources {
  valueSets: readonly ValueSet[];
  codeSystems: readonly CodeSystem[];
}

/** A code of a code system as one text, since sets compare texts. */
export type CodingKey = string;

export const codingKey = (system: string, code: string): CodingKey => `${system}\n${code}`;

export function codingOf(key: CodingKey): { system: string; code: string } {
  const end = key.indexOf('\n');
  return { system: key.slice(0, end), code: key.slice(end + 1) };
}

/** What a value set or a part of a code system's hierarchy holds, as far as it can be listed from what the hub has. */
export class Terminology {
  private readonly trees = new Map<CodeSystem, CodeTree>();
  private readonly valueSets: ReadonlyMap<string, readonly ValueSet[]>;
  private readonly codeSystems: ReadonlyMap<string, readonly CodeSystem[]>;

  /** @param beneath is asked first, so that what it knows means the same everywhere */
  constructor(
    sources: TermSources,
    private readonly beneath?: Terminology,
  ) {
    this.valueSets = byUrl(sources.valueSets);
    this.codeSystems = byUrl(sources.codeSystems);
  }

  valueSet(canonical: string): ValueSet | undefined {
    return this.beneath?.valueSet(canonical) ?? newestOf(this.valueSets, canonical);
  }

  codeSystem(canonical: string): CodeSystem | undefined {
    return this.beneath?.codeSystem(canonical) ?? newestOf(this.codeSystems, canonical);
  }

  /** The codes of a value set. @throws FhirError 400 where they cannot all be listed */
  expand(canonical: string): ReadonlySet<CodingKey> {
    return this.expandWithin(canonical, []);
  }

  /** The code and what lies below it. @throws FhirError 400 where the hierarchy is not known */
  below(system: string, code: string): ReadonlySet<CodingKey> {
    return keysOf(system, this.treeOf(system).below(code));
  }

  /** The code and what lies above it. @throws FhirError 400 where the hierarchy is not known */
  above(system: string, code: string): ReadonlySet<CodingKey> {
    return keysOf(system, this.treeOf(system).above(code));
  }

  private expandWithin(canonical: string, within: readonly string[]): Set<CodingKey> {
    if (within.includes(canonical)) throw cannot(`the value set ${canonical} includes itself`);
    const valueSet = this.valueSet(canonical);
    if (valueSet === undefined) throw cannot(`the value set ${canonical.slice(0, 200)} is not known here`);
    const { include = [], exclude = [] } = valueSet.compose ?? {};
    if (include.length === 0) throw cannot(`the value set ${canonical} does not say what it is composed of`);
    const path = [...within, canonical];
    const codes = new Set<CodingKey>();
    for (const part of include) for (const key of this.codesOf(part, path)) codes.add(key);
    for (const part of exclude) for (const key of this.codesOf(part, path)) codes.delete(key);
    if (codes.size > MAX_EXPANSION)
      throw new FhirError('too-costly', `the value set ${canonical} has more than ${MAX_EXPANSION} codes`, undefined, {
        status: 400,
      });
    return codes;
  }

  /** What all of an include's conditions leave: its system, concepts and filters, and each of its value sets. */
  private codesOf({ system, version, concept, filter = [], valueSet = [] }: Include, path: readonly string[]): Set<CodingKey> {
    let codes = system === undefined ? undefined : this.codesOfSystem(system, version, concept, filter);
    for (const canonical of valueSet) {
      const others = this.expandWithin(canonical, path);
      codes = codes === undefined ? others : new Set([...codes].filter((key) => others.has(key)));
    }
    return codes ?? new Set();
  }

  private codesOfSystem(
    system: string,
    version: string | undefined,
    concept: Include['concept'],
    filters: NonNullable<Include['filter']>,
  ): Set<CodingKey> {
    if (concept !== undefined && concept.length > 0)
      return keysOf(
        system,
        concept.map(({ code }) => code),
      );
    const tree = this.treeOf(version === undefined ? system : `${system}|${version}`);
    const chosen = filters.map((filter) => tree.chosenBy(filter));
    return keysOf(
      system,
      tree.codes.filter((code) => chosen.every((each) => each.has(code))),
    );
  }

  private treeOf(canonical: string): CodeTree {
    const codeSystem = this.codeSystem(canonical);
    if (codeSystem === undefined) throw cannot(`the code system ${canonical.slice(0, 200)} is not known here`);
    if (codeSystem.content !== 'complete') throw cannot(`not all codes of the code system ${canonical} are known here`);
    let tree = this.trees.get(codeSystem);
    if (tree === undefined) this.trees.set(codeSystem, (tree = new CodeTree(codeSystem)));
    return tree;
  }
}

function cannot(why: string): FhirError {
  return new FhirError('not-supported', `${why}, so its codes cannot be listed`);
}

function keysOf(system: string, codes: Iterable<string>): Set<CodingKey> {
  const keys = new Set<CodingKey>();
  for (const code of codes) keys.add(codingKey(system, code));
  return keys;
}

function byUrl<T extends { url: string }>(all: readonly T[]): Map<string, T[]> {
  const known = new Map<string, T[]>();
  for (const one of all) known.set(one.url, [...(known.get(one.url) ?? []), one]);
  return known;
}

/** Without a version the first one stands for the URL. */
function newestOf<T extends { version?: string }>(known: ReadonlyMap<string, readonly T[]>, canonical: string): T | undefined {
  const bar = canonical.indexOf('|');
  if (bar < 0) return known.get(canonical)?.[0];
  return known.get(canonical.slice(0, bar))?.find(({ version }) => version === canonical.slice(bar + 1));
}

/** Which code lies below which, by nesting and by the property `parent`. */
class CodeTree {
  readonly codes: readonly string[];
  private readonly children = new Map<string, Set<string>>();
  private readonly parents = new Map<string, Set<string>>();

  constructor({ concept = [] }: CodeSystem) {
    const codes = new Set<string>();
    const todo = concept.map((each): [Concept, string | undefined] => [each, undefined]);
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      const [{ code, concept: nested = [], property = [] }, parent] = next;
      codes.add(code);
      if (parent !== undefined) this.link(parent, code);
      for (const { code: name, valueCode } of property)
        if (name === 'parent' && valueCode !== undefined) this.link(valueCode, code);
      for (const each of nested) todo.push([each, code]);
    }
    this.codes = [...codes];
  }

  below(code: string): Set<string> {
    return reached(code, this.children);
  }

  above(code: string): Set<string> {
    return reached(code, this.parents);
  }

  /** https://hl7.org/fhir/R4B/valueset-filter-operator.html, as far as the hierarchy decides. */
  chosenBy({ property, op, value }: { property: string; op: string; value: string }): ReadonlySet<string> {
    if (property !== 'concept' || !HIERARCHICAL.has(op)) throw cannot(`a value set chooses codes by ${property} ${op} ${value}`);
    const below = this.below(value);
    if (op === 'is-a') return below;
    if (op === 'generalizes') return this.above(value);
    if (op === 'is-not-a') return new Set(this.codes.filter((code) => !below.has(code)));
    below.delete(value);
    return below;
  }

  private link(parent: string, child: string): void {
    add(this.children, parent, child);
    add(this.parents, child, parent);
  }
}

const HIERARCHICAL = new Set(['is-a', 'descendent-of', 'is-not-a', 'generalizes']);

function add(to: Map<string, Set<string>>, key: string, value: string): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, new Set([value]));
  else known.add(value);
}

function reached(from: string, by: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const seen = new Set([from]);
  // A set that is walked takes in what is added meanwhile; a cycle ends where it began.
  for (const code of seen) for (const next of by.get(code) ?? []) seen.add(next);
  return seen;
}

const COMPILED = new URL('../../dist/definitions/terminology.json', import.meta.url);
let loaded: Terminology | undefined;

/** The value sets and code systems of FHIR R4B, read at the first call (`npm run build` makes the file). */
export function officialTerminology(): Terminology {
  return (loaded ??= new Terminology(JSON.parse(readFileSync(COMPILED, 'utf8')) as TermSources));
}
