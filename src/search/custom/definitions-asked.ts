import type { ParameterRow, SearchDefinitions } from '../search-definitions.js';
import { StandingSearch } from '../standing-search.js';
import type { CustomDefinition, CustomParameter } from './custom-definition.js';
import { partOf } from './frozen-definitions.js';

/**
 * The custom parameters that `read` asks for, each cut down to the types it was asked for of. All that are defined count, also those whose
 * index is not made yet.
 */
export function definitionsAsked(
  official: SearchDefinitions,
  bases: readonly string[],
  parameters: readonly CustomParameter[],
  read: (by: StandingSearch) => void,
): CustomDefinition[] {
  if (parameters.length === 0) return [];
  const rows: Record<string, ParameterRow[]> = {};
  const owners = new Map<string, CustomDefinition>();
  for (const { definition } of parameters)
    for (const [type, row] of Object.entries(definition.rows)) {
      (rows[type] ??= []).push(row);
      owners.set(`${type} ${row.code}`, definition);
    }
  const asked = new Map<CustomDefinition, Set<string>>();
  const definitions = official.with(rows, undefined, ({ base, code }) => {
    const owner = owners.get(`${base} ${code}`);
    if (owner !== undefined) asked.set(owner, (asked.get(owner) ?? new Set()).add(base));
  });
  read(new StandingSearch(definitions, bases));
  return [...asked].map(([definition, types]) => partOf(definition, types)).sort(byName);
}

function byName(a: CustomDefinition, b: CustomDefinition): number {
  return `${a.code} ${a.url}` < `${b.code} ${b.url}` ? -1 : 1;
}
