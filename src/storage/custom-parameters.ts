import type { CustomDefinition, CustomParameters } from '../search/custom/custom-definition.js';
import {
  type DefinitionState,
  ParameterStore,
  type StoredDefinition,
  type TakenDefinition,
  type TakeUp,
} from '../search/custom/parameter-store.js';
import type { Database, Queryable } from './database.js';
import { isLockedOut } from './database-failure.js';
import * as sql from './sql/custom-parameters.sql.js';

interface TakenRow {
  id: string;
  version: number;
  definition: string | null;
  reason: string | null;
}

/** How often it is tried to find a moment without a write under way; each try waits a second. */
const ATTEMPTS = 5;

export class PostgresParameterStore extends ParameterStore {
  constructor(private readonly database: Database) {
    super();
  }

  override async revision(): Promise<number> {
    const [row] = await this.database.rows<{ revision: number }>(sql.SEARCH_REVISION);
    return row!.revision;
  }

  override async load(): Promise<CustomParameters> {
    const [row] = await this.database.rows<CustomParameters>(sql.CUSTOM_PARAMETERS);
    return row!;
  }

  override async takeUp(
    decide: (stored: readonly StoredDefinition[], taken: readonly TakenDefinition[]) => TakeUp,
  ): Promise<boolean> {
    const [row] = await this.database.rows<{ differ: boolean }>(sql.DEFINITIONS_DIFFER);
    if (row?.differ !== true) return false;
    return this.alone(async (tx) => {
      const stored = await tx.rows<{ id: string; version: number; body: string | null }>(sql.STORED_DEFINITIONS);
      const taken = (await tx.rows<TakenRow>(sql.TAKEN_DEFINITIONS)).map(takenOf);
      const decided = decide(
        stored.map(({ id, version, body }) => ({ id, version, ...(body === null ? {} : { body }) })),
        taken,
      );
      if (decided.taken.length + decided.gone.length === 0) return undefined;
      const generation = await nextGeneration(tx);
      await tx.run(sql.KEEP_DEFINITIONS, [
        decided.taken.map(({ id }) => id),
        decided.taken.map(({ version }) => version),
        decided.taken.map(({ definition }) => (definition === undefined ? null : JSON.stringify(definition))),
        decided.taken.map(({ reason }) => reason ?? null),
        decided.taken.map(({ isNew }) => isNew),
        generation,
      ]);
      await tx.run(sql.FORGET_DEFINITIONS, [decided.gone]);
      return { types: decided.types, generation };
    });
  }

  override async state(id: string): Promise<DefinitionState | undefined> {
    const [row] = await this.database.rows<TakenRow & { generation: number }>(sql.DEFINITION_STATE, [id]);
    return row && { ...takenOf(row), generation: row.generation };
  }

  override again(id: string): Promise<boolean> {
    return this.alone(async (tx) => {
      const [row] = await tx.rows<TakenRow>(sql.DEFINITION_STATE, [id]);
      if (row === undefined || row.definition === null) return undefined;
      const generation = await nextGeneration(tx);
      await tx.run(sql.AGAIN, [id, generation]);
      return { types: Object.keys((JSON.parse(row.definition) as CustomDefinition).rows), generation };
    });
  }

  /**
   * Carries a change out with no other one beside it. Walks are wanted first and writers shut out last, for as short as can be; walks lock in
   * the same order.
   */
  private async alone(work: (tx: Queryable) => Promise<{ types: readonly string[]; generation: number } | undefined>) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.database.transaction(async (tx) => {
          await tx.run(sql.LOCK_DEFINITIONS);
          const change = await work(tx);
          if (change === undefined) return false;
          if (change.types.length === 0) {
            await tx.run(sql.SET_REVISION);
            return true;
          }
          await tx.run(sql.WANT_WALKS, [change.types, change.generation]);
          for (const each of sql.SHUT_WRITERS_OUT) await tx.run(each);
          await tx.run(sql.SET_GENERATION, [change.generation]);
          return true;
        });
      } catch (error) {
        if (!isLockedOut(error) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

async function nextGeneration(tx: Queryable): Promise<number> {
  const [row] = await tx.rows<{ generation: number }>(sql.NEXT_GENERATION);
  return row!.generation;
}

function takenOf({ id, version, definition, reason }: TakenRow): TakenDefinition {
  return {
    ...{ id, version },
    ...(definition === null ? {} : { definition: JSON.parse(definition) as CustomDefinition }),
    ...(reason === null ? {} : { reason }),
  };
}
