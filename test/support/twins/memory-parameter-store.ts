import { type CustomParameters, type TypeWalk } from '../../../src/search/custom/custom-definition.js';
import {
  type DefinitionState,
  ParameterStore,
  type StoredDefinition,
  type TakenDefinition,
  type TakeUp,
} from '../../../src/search/custom/parameter-store.js';

/** Custom parameters in memory; SearchParameters are written and walks are moved by the test. */
export class MemoryParameterStore extends ParameterStore {
  /** How often it was asked for anything. */
  asked = 0;
  private stored = new Map<string, { version: number; body: string }>();
  private states = new Map<string, DefinitionState>();
  private walks = new Map<string, TypeWalk>();
  private counters = { revision: 0, generation: 0 };

  write(resource: { id: string }): void {
    const version = (this.stored.get(resource.id)?.version ?? 0) + 1;
    this.stored.set(resource.id, { version, body: JSON.stringify(resource) });
  }

  remove(id: string): void {
    this.stored.delete(id);
  }

  /** Every walk that is wanted has come so far. */
  walkTo(walked: number, total: number): void {
    for (const walk of this.open()) Object.assign(walk, { walking: walk.wanted, walked, total });
  }

  finish(): void {
    for (const walk of this.open()) Object.assign(walk, { done: walk.wanted, walking: null });
    this.counters.revision++;
  }

  override async revision(): Promise<number> {
    this.asked++;
    return this.counters.revision;
  }

  override async load(): Promise<CustomParameters> {
    this.asked++;
    const parameters = [...this.states.values()].flatMap(({ id, definition, generation }) =>
      definition === undefined ? [] : [{ id, definition, generation }],
    );
    const walks = [...this.walks.values()].map((walk) => ({ ...walk }));
    return { ...this.counters, parameters: parameters.sort(byId), walks: walks.sort((a, b) => (a.type < b.type ? -1 : 1)) };
  }

  override async takeUp(
    decide: (stored: readonly StoredDefinition[], taken: readonly TakenDefinition[]) => TakeUp,
  ): Promise<boolean> {
    const states = [...this.states.values()];
    const isFreed = states.some(({ id, version, definition }) => definition && this.stored.get(id)?.version !== version);
    const stored = [...this.stored].map(([id, { version, body }]) => {
      const known = this.states.get(id);
      const isRead = known?.version === version && (known.definition !== undefined || !isFreed);
      return isRead ? { id, version } : { id, version, body };
    });
    const taken = [...this.states.values()].map(({ generation: _, ...each }) => each);
    const { taken: changed, gone, types } = decide(stored, taken);
    if (changed.length + gone.length === 0) return false;
    const next = this.counters.generation + 1;
    for (const { isNew, ...each } of changed) {
      const generation = Math.max(this.states.get(each.id)?.generation ?? 0, isNew ? next : 0);
      this.states.set(each.id, { ...each, generation });
    }
    for (const id of gone) this.states.delete(id);
    this.want(types, next);
    return true;
  }

  override async state(id: string): Promise<DefinitionState | undefined> {
    return this.states.get(id);
  }

  override async again(id: string): Promise<boolean> {
    const state = this.states.get(id);
    if (state?.definition === undefined) return false;
    state.generation = this.counters.generation + 1;
    this.want(Object.keys(state.definition.rows), state.generation);
    return true;
  }

  private want(types: readonly string[], generation: number): void {
    this.counters.revision++;
    if (types.length === 0) return;
    this.counters.generation = generation;
    for (const type of types) {
      const walk = this.walks.get(type) ?? { type, wanted: 0, done: 0, walking: null, walked: 0, total: 0, reason: null };
      this.walks.set(type, { ...walk, wanted: generation });
    }
  }

  private open(): TypeWalk[] {
    return [...this.walks.values()].filter(({ wanted, done }) => wanted > done);
  }
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
