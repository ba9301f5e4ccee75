import { parseExact, stringifyExact } from '../../fhir/exact-json.js';
import type { JsonObject } from '../../fhir/json-object.js';
import type { ParameterRow } from '../search-definitions.js';
import type { SearchParameterType } from '../values.js';
import type { CustomDefinition, CustomParameters } from './custom-definition.js';

/**
 * On a Subscription or SubscriptionTopic: a custom parameter that it goes by, as it was defined when the resource was written. The hub puts
 * it there; what a client writes in its place does not count. So the meaning stands in the log together with what means it.
 */
export const FROZEN_PARAMETER = 'https://carillon.example/fhir/StructureDefinition/search-parameter-as-written';

interface Written {
  text: string;
  value: Record<string, unknown>;
}

/** The custom parameters that a stored resource goes by: by code, then by URL. */
export function frozenIn(resource: JsonObject): CustomDefinition[] {
  const found = new Map<string, { url: string; code: string; rows: Record<string, ParameterRow> }>();
  for (const extension of extensionsOf(resource)) {
    if (extension['url'] !== FROZEN_PARAMETER) continue;
    const row = readRow(extension);
    const name = nameOf(row);
    let definition = found.get(name);
    if (definition === undefined) found.set(name, (definition = { url: row.url, code: row.code, rows: {} }));
    for (const type of texts(extension, 'base', 'valueCode')) definition.rows[type] = row;
  }
  return [...found.values()].map(inOrder).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The resource with these and no other custom parameters as its own; where it has none and gets none, as it stands. */
export function withFrozen<Of extends Written>(resource: Of, definitions: readonly CustomDefinition[]): Written {
  const isBare = !extensionsOf(resource.value).some(({ url }) => url === FROZEN_PARAMETER);
  if (isBare && definitions.length === 0) return resource;
  const { extension: _before, ...rest } = parseExact(resource.text) as JsonObject;
  const extension = [
    ...extensionsOf({ extension: _before }).filter(({ url }) => url !== FROZEN_PARAMETER),
    ...definitions.flatMap(extensionsFor),
  ];
  const text = stringifyExact(extension.length === 0 ? rest : { ...rest, extension });
  return { text, value: JSON.parse(text) as Record<string, unknown> };
}

/** What has become of a definition since it was frozen: `gone` where some type that it is about has no such custom parameter any more. */
export function stateOf({ code, rows }: CustomDefinition, { parameters }: CustomParameters): 'current' | 'changed' | 'gone' {
  let state: 'current' | 'changed' = 'current';
  for (const [type, row] of Object.entries(rows)) {
    const now = parameters.find(({ definition }) => definition.code === code && definition.rows[type] !== undefined);
    if (now === undefined) return 'gone';
    if (textOf(now.definition.rows[type]!) !== textOf(row)) state = 'changed';
  }
  return state;
}

/** The part of a definition that is about some types. */
export function partOf({ url, code, rows }: CustomDefinition, types: ReadonlySet<string>): CustomDefinition {
  return inOrder({ url, code, rows: Object.fromEntries(Object.entries(rows).filter(([type]) => types.has(type))) });
}

const nameOf = ({ code, url }: { code: string; url: string }) => `${code} ${url}`;

/** Definitions that are the same have the same text. */
function inOrder({ url, code, rows }: CustomDefinition): CustomDefinition {
  const types = Object.keys(rows).sort();
  return { url, code, rows: Object.fromEntries(types.map((type) => [type, rowOf(rows[type]!)])) };
}

const textOf = (row: ParameterRow) => JSON.stringify(rowOf(row));

function rowOf({ code, url, type, expression, targets, components }: ParameterRow): ParameterRow {
  return {
    ...{ code, url, type, expression },
    ...(targets === undefined ? {} : { targets }),
    ...(components === undefined || components.length === 0
      ? {}
      : { components: components.map((part) => ({ url: part.url, type: part.type, expression: part.expression })) }),
  };
}

/** One for all types that read alike. */
function extensionsFor({ rows }: CustomDefinition): JsonObject[] {
  const byText = Map.groupBy(Object.keys(rows), (type) => textOf(rows[type]!));
  return [...byText.values()].map((bases) => {
    const { code, url, type, expression, targets, components = [] } = rows[bases[0]!]!;
    return {
      url: FROZEN_PARAMETER,
      extension: [
        { url: 'code', valueCode: code },
        { url: 'definition', valueUri: url },
        { url: 'type', valueCode: type },
        ...bases.map((base) => ({ url: 'base', valueCode: base })),
        { url: 'expression', valueString: expression },
        ...(targets ?? []).map((target) => ({ url: 'target', valueCode: target })),
        ...components.map((part) => ({
          url: 'component',
          extension: [
            { url: 'definition', valueUri: part.url },
            { url: 'type', valueCode: part.type },
            { url: 'expression', valueString: part.expression },
          ],
        })),
      ],
    };
  });
}

function readRow(extension: JsonObject): ParameterRow {
  const targets = texts(extension, 'target', 'valueCode');
  const components = extensionsOf(extension)
    .filter(({ url }) => url === 'component')
    .map(readPart);
  return rowOf({
    code: texts(extension, 'code', 'valueCode')[0] ?? '',
    ...readPart(extension),
    ...(targets.length === 0 ? {} : { targets }),
    components,
  });
}

function readPart(extension: JsonObject): { url: string; type: SearchParameterType; expression: string } {
  return {
    url: texts(extension, 'definition', 'valueUri')[0] ?? '',
    type: (texts(extension, 'type', 'valueCode')[0] ?? '') as SearchParameterType,
    expression: texts(extension, 'expression', 'valueString')[0] ?? '',
  };
}

function texts(extension: JsonObject, name: string, value: string): string[] {
  return extensionsOf(extension).flatMap((part) => (part['url'] === name ? [String(part[value])] : []));
}

function extensionsOf({ extension }: JsonObject): JsonObject[] {
  return Array.isArray(extension) ? (extension as JsonObject[]) : [];
}
