import { FhirError } from '../../fhir/fhir-error.js';
import type { Query } from '../query.js';
import type { SearchSemantics } from '../search-semantics.js';
import { usesCustom } from './beyond-official.js';
import type { ParameterStore } from './parameter-store.js';
import { takeUp } from './take-up.js';

/** How often a search is read again because the definitions changed meanwhile. */
const ATTEMPTS = 5;

/**
 * Keeps what this process knows of custom parameters in line with the database. Nothing has to be told in time: writers are refused by the
 * database where they know too little, and searches that name more than the official parameters ask first.
 */
export class CurrentParameters {
  private underWay: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly store: Pick<ParameterStore, 'revision' | 'load' | 'takeUp' | 'again'>,
    private readonly onTrouble: (error: unknown) => void = () => {},
  ) {}

  /** Calls `listener` whenever something was taken up here. It must not throw. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Of what index rows are made by now. */
  get generation(): number {
    return this.semantics.catalog.generation;
  }

  /** Knows, when it ends, what the database said after it began. Those who ask while one is under way share the next. */
  refresh(): Promise<void> {
    this.next ??= this.underWay
      .catch(() => {})
      .then(() => {
        this.next = undefined;
        return this.store.load();
      })
      .then((loaded) => this.semantics.adopt(loaded));
    this.underWay = this.next;
    return this.next;
  }

  /** SearchParameters were stored or deleted: what is used follows. @returns whether that changed anything; throws where it cannot be done */
  async takeUp(): Promise<boolean> {
    const { definitions, bases } = this.semantics;
    const changed = await this.store.takeUp((stored, taken) => takeUp(stored, taken, definitions, bases));
    if (changed) await this.announce();
    return changed;
  }

  /** {@link takeUp} where nobody can be told that it failed: whoever takes up next makes up for it. */
  async changed(): Promise<void> {
    try {
      await this.takeUp();
    } catch (error) {
      this.onTrouble(error);
    }
  }

  /** Has a parameter indexed anew. @returns false where it is not used */
  async again(id: string): Promise<boolean> {
    const isWalked = await this.store.again(id);
    if (isWalked) await this.announce();
    return isWalked;
  }

  private async announce(): Promise<void> {
    await this.refresh();
    for (const listener of this.listeners) listener();
  }

  /**
   * Reads a search and carries it out by one state of the definitions. Only what goes beyond the official parameters costs anything: then the
   * state is asked for before, and once more behind.
   * @throws FhirError of `read`, judged by the newest definitions; 503 where they keep changing
   */
  async ask<Read, Answer>(
    read: () => Read,
    queriesOf: (read: Read) => readonly Query[],
    answer: (read: Read) => Promise<Answer>,
  ): Promise<Answer> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { usable, revision } = this.semantics.catalog;
      let asked: Read;
      try {
        asked = read();
      } catch (error) {
        if (!(error instanceof FhirError)) throw error;
        // How far an index has come changes no definition, but is told.
        const tellsProgress = error.issues[0]?.code === 'transient' && attempt === 1;
        if (!tellsProgress && (await this.store.revision()) === revision) throw error;
        await this.refresh();
        continue;
      }
      const queries = queriesOf(asked);
      const isCustom = queries.some((query) => usesCustom(query, usable));
      const isBeyond = isCustom || queries.some(({ ignored }) => ignored.length > 0);
      if (isBeyond && (await this.isOutdated(revision))) continue;
      const answered = await answer(asked);
      if (!isCustom || !(await this.isOutdated(revision))) return answered;
    }
    throw new FhirError('transient', 'The search parameters keep changing; ask again', undefined, {
      headers: { 'Retry-After': '1' },
    });
  }

  /** Knows, when it ends, the definitions that the database had when it began; costs one small question. */
  async follow(): Promise<void> {
    await this.isOutdated(this.semantics.catalog.revision);
  }

  /** Whether the database has other definitions than those of `revision`; then they are known now. */
  private async isOutdated(revision: number): Promise<boolean> {
    if ((await this.store.revision()) === revision) return false;
    await this.refresh();
    return true;
  }
}
