import { FhirError } from '../../fhir/fhir-error.js';
import type { SearchDefinitions } from '../search-definitions.js';
import type { CustomDefinition } from './custom-definition.js';
import type { StoredDefinition, TakenDefinition, TakeUp } from './parameter-store.js';
import { readDefinition } from './read-definition.js';

/** Custom parameters of one type. Each is worked out for every write of the type. */
export const MOST_OF_A_TYPE = 100;

/**
 * What follows from the SearchParameters that are stored. Of two that define the same parameter of a type the one that was there first is used;
 * when it goes, the other takes its place.
 */
export function takeUp(
  stored: readonly StoredDefinition[],
  taken: readonly TakenDefinition[],
  official: SearchDefinitions,
  bases: readonly string[],
): TakeUp {
  const before = new Map(taken.map((each) => [each.id, each]));
  const now = new Set(stored.map(({ id }) => id));
  const gone = taken.filter(({ id }) => !now.has(id));
  const owners = new Owners();
  const read = stored.map((each) => {
    const known = before.get(each.id);
    return {
      ...(each.body === undefined ? known! : readStored(each, each.body, official, bases)),
      id: each.id,
      version: each.version,
    };
  });
  // Those in use come first, then by id: every process decides alike.
  const isOld = ({ id, definition }: TakenDefinition) => before.get(id)?.definition?.code === definition?.code;
  const ordered = [...read].sort((a, b) => Number(isOld(b)) - Number(isOld(a)) || (a.id < b.id ? -1 : 1));
  for (const { id, definition } of ordered) if (definition !== undefined) owners.take(id, definition);
  // Asked once all have taken theirs, so that deciding again gives the same reasons.
  const decided = ordered.map((each): TakenDefinition => {
    const problem = each.definition === undefined ? undefined : owners.objection(each.id, each.definition);
    return problem === undefined ? each : { id: each.id, version: each.version, reason: problem };
  });
  const changed = decided.flatMap((each) => {
    const known = before.get(each.id);
    const isNew = each.definition !== undefined && !isSame(each.definition, known?.definition);
    const isKept = known?.version === each.version && known.reason === each.reason && isSame(each.definition, known.definition);
    return isKept ? [] : [{ ...each, isNew }];
  });
  const types = new Set([
    ...gone.flatMap(typesOf),
    ...changed.flatMap((each) => {
      const known = before.get(each.id);
      if (each.isNew) return [...typesOf(each), ...(known ? typesOf(known) : [])];
      return each.definition === undefined && known ? typesOf(known) : [];
    }),
  ]);
  return { taken: changed, gone: gone.map(({ id }) => id), types: [...types].sort() };
}

function readStored(
  { id, version }: StoredDefinition,
  body: string,
  official: SearchDefinitions,
  bases: readonly string[],
): TakenDefinition {
  try {
    const read = readDefinition(JSON.parse(body) as Record<string, unknown>, official, bases);
    return read.kind === 'used' ? { id, version, definition: read.definition } : { id, version, reason: read.reason };
  } catch (error) {
    // Stored before there was such a rule, or past it. One that cannot be read must not hold up the others.
    return { id, version, reason: error instanceof FhirError ? error.message : 'it cannot be read' };
  }
}

/** Who defines which parameter of which type. */
export class Owners {
  private readonly byName = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** Leaves out what cannot stand beside those taken before. */
  take(id: string, definition: CustomDefinition): void {
    if (this.objection(id, definition) !== undefined) return;
    for (const type of Object.keys(definition.rows)) {
      this.byName.set(`${type} ${definition.code}`, id);
      this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    }
  }

  /** Why the definition cannot stand beside those taken, in words; undefined: it can, or is one of them. */
  objection(id: string, { code, rows }: CustomDefinition): string | undefined {
    for (const type of Object.keys(rows)) {
      const owner = this.byName.get(`${type} ${code}`);
      if (owner === id) continue;
      if (owner !== undefined) return `${type} has a parameter "${code}" by SearchParameter/${owner} already`;
      if ((this.counts.get(type) ?? 0) >= MOST_OF_A_TYPE)
        return `${type} has ${String(MOST_OF_A_TYPE)} custom parameters already, which is the most`;
    }
    return undefined;
  }
}

const typesOf = ({ definition }: TakenDefinition) => Object.keys(definition?.rows ?? {});

/** Definitions come from and go to JSON in one way, with their keys in one order. */
const isSame = (a: CustomDefinition | undefined, b: CustomDefinition | undefined) => JSON.stringify(a) === JSON.stringify(b);
