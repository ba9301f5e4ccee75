import type { ParameterRow } from '../search-definitions.js';

/** A SearchParameter that a client stored, as searches use it: by resource type how it is read there. Kept as JSON. */
export interface CustomDefinition {
  url: string;
  code: string;
  rows: Readonly<Record<string, ParameterRow>>;
}

/** One that is in use, or will be once its index is complete. */
export interface CustomParameter {
  /** Of the SearchParameter resource. */
  id: string;
  definition: CustomDefinition;
  /** From which generation on writes are indexed by it. */
  generation: number;
}

/** How far a resource type is indexed by custom parameters. */
export interface TypeWalk {
  type: string;
  /** The generation it is to be indexed by … */
  wanted: number;
  /** … and the one it is. */
  done: number;
  /** Of the walk under way, if there is one. */
  walking: number | null;
  /** Resources walked, of how many. */
  walked: number;
  total: number;
  /** Why the walk last failed; it is tried again. */
  reason: string | null;
}

/** The custom parameters of the database at one moment. */
export interface CustomParameters {
  /** Grows with whatever readers have to know. */
  revision: number;
  /** Grows with whatever changes index rows. */
  generation: number;
  parameters: readonly CustomParameter[];
  walks: readonly TypeWalk[];
}

export const NO_CUSTOM_PARAMETERS: CustomParameters = { revision: 0, generation: 0, parameters: [], walks: [] };

/** Resources walked and to be walked before a parameter can be used; undefined where all types of it are indexed. */
export function progressOf(
  { definition, generation }: CustomParameter,
  walks: readonly TypeWalk[],
): { walked: number; total: number } | undefined {
  const open = Object.keys(definition.rows).flatMap((type) => {
    const walk = walks.find((each) => each.type === type);
    return walk !== undefined && walk.done >= generation ? [] : [walk];
  });
  if (open.length === 0) return undefined;
  return {
    walked: sum(open.map((walk) => ((walk?.walking ?? -1) >= generation ? (walk?.walked ?? 0) : 0))),
    total: sum(open.map((walk) => walk?.total ?? 0)),
  };
}

/** Full percents; never a hundred before it is through. */
export function percentOf({ walked, total }: { walked: number; total: number }): number {
  return total === 0 ? 0 : Math.min(99, Math.floor((100 * walked) / total));
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);
