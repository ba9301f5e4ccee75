import { readFileSync } from 'node:fs';
import type { FhirError } from '../fhir/fhir-error.js';
import type { ElementTable } from './element-types.js';
import type { SearchParameter, SearchParameterType } from './values.js';

/** A parameter as scripts/compile-search-parameters.mjs writes it; `targets` absent: any type. */
export type ParameterRow = Omit<SearchParameter, 'base' | 'targets' | 'components'> &
  Partial<Pick<SearchParameter, 'targets' | 'components'>>;

/** Why a parameter that is none of the definitions cannot be asked for all the same. */
export type Refusal = (type: string, code: string) => FhirError | undefined;

/** Hears of each custom parameter that is asked for by its name. */
export type OnCustom = (parameter: SearchParameter) => void;

/**
 * `_text` and `_content`, which every type has: what they look at is told by no expression, so they are not among
 * {@link SearchDefinitions.parametersOf}.
 */
export const FULL_TEXT = ['_text', '_content'] as const;

export function isFullText(code: string): boolean {
  return FULL_TEXT.some((each) => each === code);
}

export function fullTextUrl(code: (typeof FULL_TEXT)[number]): string {
  return `http://hl7.org/fhir/SearchParameter/Resource${code.replace('_', '-')}`;
}

/** All search parameters of R4B by resource type, those of Resource and DomainResource included. */
export class SearchDefinitions {
  private readonly types: ReadonlySet<string>;
  private readonly typeNames: readonly string[];
  private readonly byType = new Map<string, ReadonlyMap<string, SearchParameter>>();

  constructor(
    /** By resource type; those of every type under `Resource`. */
    private readonly rows: Readonly<Record<string, readonly ParameterRow[]>>,
    readonly elements: ElementTable,
    private readonly refusalOf: Refusal = () => undefined,
    private readonly onCustom: OnCustom = () => {},
  ) {
    this.typeNames = Object.keys(rows).filter((type) => type !== 'Resource');
    this.types = new Set(this.typeNames);
  }

  /** Reads what scripts/compile-search-parameters.mjs made. */
  static load(): SearchDefinitions {
    const folder = new URL('../../dist/definitions/', import.meta.url);
    const read = (file: string) => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    return new SearchDefinitions(read('search-parameters.json').parameters, read('search-elements.json').elements);
  }

  /** In the order of their codes; empty for what is not a resource type. */
  parametersOf(type: string): readonly SearchParameter[] {
    return [...this.codesOf(type).values()];
  }

  /** @throws FhirError where the definitions were told to refuse the parameter rather than not to know it */
  find(type: string, code: string): SearchParameter | undefined {
    const known = this.codesOf(type).get(code) ?? (this.types.has(type) ? fullTextParameter(type, code) : undefined);
    if (known) {
      if (known.custom === true) this.onCustom(known);
      return known;
    }
    const refusal = this.refusalOf(type, code);
    if (refusal) throw refusal;
    return undefined;
  }

  /** One of FHIR's own, whatever clients define beside them. */
  findOfficial(type: string, code: string): SearchParameter | undefined {
    const known = this.codesOf(type).get(code);
    return known?.custom === true ? undefined : known;
  }

  /** The definition that a composite's component refers to, on the composite's own base where it exists there. */
  findByUrl(type: string, url: string): SearchParameter | undefined {
    for (const parameter of this.codesOf(type).values()) if (parameter.url === url) return parameter;
    return undefined;
  }

  /** Whether any parameter is defined under the URL. */
  knowsUrl(url: string): boolean {
    return this.typeOfUrl(url) !== undefined;
  }

  /** What kind of parameter is defined under the URL. */
  typeOfUrl(url: string): SearchParameterType | undefined {
    for (const rows of Object.values(this.rows)) for (const row of rows) if (row.url === url) return row.type;
    return undefined;
  }

  /** These and custom ones beside them, by resource type. */
  with(custom: Readonly<Record<string, readonly ParameterRow[]>>, refusalOf?: Refusal, onCustom?: OnCustom): SearchDefinitions {
    const rows = { ...this.rows };
    for (const [type, more] of Object.entries(custom)) {
      rows[type] = [...(this.rows[type] ?? []), ...more.map((row) => ({ ...row, custom: true }))];
    }
    return new SearchDefinitions(rows, this.elements, refusalOf, onCustom);
  }

  isResourceType(name: string): boolean {
    return this.types.has(name);
  }

  resourceTypes(): readonly string[] {
    return this.typeNames;
  }

  private codesOf(type: string): ReadonlyMap<string, SearchParameter> {
    const known = this.byType.get(type);
    if (known) return known;
    if (!this.types.has(type)) return NONE;
    const rows = [...(this.rows.Resource ?? []), ...(this.rows[type] ?? [])];
    const codes = new Map(
      rows.map((row) => {
        const targets = row.targets ?? (row.type === 'reference' ? this.typeNames : []);
        return [row.written ?? row.code, { ...row, base: type, targets, components: row.components ?? [] }];
      }),
    );
    this.byType.set(type, codes);
    return codes;
  }
}

function fullTextParameter(type: string, code: string): SearchParameter | undefined {
  const known = FULL_TEXT.find((each) => each === code);
  if (known === undefined) return undefined;
  return { code, base: type, url: fullTextUrl(known), type: 'special', expression: '', targets: [], components: [] };
}

const NONE: ReadonlyMap<string, SearchParameter> = new Map();
