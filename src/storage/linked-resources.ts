import {
  bearsCanonical,
  type Canonical,
  canonicalOf,
  canonicalsReferredTo,
  keyOfOwnUrl,
  keysReferringTo,
  leadsTo,
} from '../search/canonicals.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Link, LinkedQuery } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import { all, any, LinkedResources, type LinkQuestion, type LinkVerdict } from '../subscriptions/linked-resources.js';
import type { ChangeRow } from './change-row.js';
import { CoalescedReads } from './coalesced-reads.js';
import type { Database } from './database.js';
import { type ReferringQuestion, referringStatement } from './referring-statement.js';
import { idsReferredTo } from './resolve-links.js';
import { BOUND_LOOK_UPS } from './sql/bound-look-ups.sql.js';
import { CURRENT_RESOURCES } from './sql/current-resources.sql.js';
import { FIND_CONTEXT } from './sql/event-context.sql.js';

export interface LookUpBudgets {
  /** Of a statement for many `_has`, in milliseconds. */
  together: number;
  /** Of one that was not found in that time, by itself. */
  alone: number;
}

export const LOOK_UP_BUDGETS: LookUpBudgets = { together: 1000, alone: 3000 };

/**
 * Links tested for resources that have just changed. All questions go through their chains at the same pace: one statement for each step
 * reads the targets of all, one asks all `_has`. What a target must meet is decided in memory by the one definition of "matches".
 */
export class PostgresLinkedResources extends LinkedResources {
  /** Links whose `_has` could not be answered, so that the next change is not kept waiting for it. */
  private readonly givenUp = new WeakSet<Link>();

  constructor(
    private readonly database: Database,
    private readonly semantics: SearchSemantics,
    private readonly budgets: LookUpBudgets = LOOK_UP_BUDGETS,
  ) {
    super();
  }

  async hold(questions: readonly LinkQuestion[]): Promise<readonly LinkVerdict[]> {
    const asking = new Asking(this.database, this.semantics, this.budgets, this.givenUp);
    return Promise.all(questions.map(({ links, ...resource }) => asking.linksHold(links, resource)));
  }
}

interface Resource {
  type: string;
  id: string;
  values: ExtractedValues;
}

/** A URL that resources of a type may bear. */
interface OwnUrl {
  type: string;
  url: string;
}

/** Who bears a URL, in whatever version. */
interface Bearing {
  resources: readonly Resource[];
  complete: boolean;
}

interface ReferringKey extends ReferringQuestion {
  link: Link;
}

/** Most resources that a statement asks for. */
const BATCH = 1000;
/** Most resources that bear one URL, all its versions, and their texts together: where there are more, nothing is decided. */
const MOST_OF_A_URL = 200;
const MOST_BYTES = 32 * 1024 * 1024;
/** PostgreSQL's `query_canceled`: the statement's time ran out. */
const CANCELLED = '57014';

/** The questions of one moment: whatever several of them ask is asked once. */
class Asking {
  private readonly targets = new Map<string, Promise<Resource | undefined>>();
  private readonly reads: CoalescedReads<{ type: string; id: string }, Resource>;
  private readonly bearing: CoalescedReads<OwnUrl, Bearing>;
  private readonly referring: CoalescedReads<ReferringKey, LinkVerdict>;
  private readonly numbers = new Map<Link, number>();

  constructor(
    private readonly database: Database,
    private readonly semantics: SearchSemantics,
    private readonly budgets: LookUpBudgets,
    private readonly givenUp: WeakSet<Link>,
  ) {
    const limits = { inFlight: 1, batch: BATCH };
    this.reads = new CoalescedReads((keys) => this.readTargets(keys), nameOf, limits);
    this.bearing = new CoalescedReads((keys) => this.readBearing(keys), nameOfUrl, limits);
    this.referring = new CoalescedReads(
      (keys) => this.askReferring(keys),
      (key) => this.nameOfKey(key),
      limits,
    );
  }

  async linksHold(links: readonly Link[], resource: Resource): Promise<LinkVerdict> {
    if (links.length === 0) return true;
    return all(await Promise.all(links.map((link) => this.linkHolds(link, resource))));
  }

  private async linkHolds(link: Link, resource: Resource): Promise<LinkVerdict> {
    switch (link.kind) {
      case 'reach':
        throw new Error('Only a search knows what it has reached');
      case 'chain': {
        const { code } = link.parameter;
        const verdicts = link.targets.flatMap((target) => [
          ...[...new Set(idsReferredTo(resource.values, code, target.type))].map((id) => this.namedHolds(target, id)),
          ...this.canonicalsTo(target.type, resource.values, code).map((canonical) => this.anyBearing(target, canonical)),
        ]);
        return any(await Promise.all(verdicts));
      }
      case 'has': {
        if (this.givenUp.has(link)) return 'undecided';
        const { type, id, values } = resource;
        const canonical = bearsCanonical(this.semantics.definitions, type) ? canonicalOf(values) : undefined;
        const keys = keysReferringTo(link.parameter, { type, id, canonical });
        return any(
          await Promise.all(keys.map(async (key) => (await this.referring.get({ link, key, source: link.source })) ?? false)),
        );
      }
    }
  }

  private canonicalsTo(type: string, values: ExtractedValues, code: string): Canonical[] {
    return bearsCanonical(this.semantics.definitions, type) ? canonicalsReferredTo(values, code) : [];
  }

  private async namedHolds(query: LinkedQuery, id: string): Promise<LinkVerdict> {
    const target = await this.target(query.type, id);
    return target === undefined ? false : this.targetHolds(query, target);
  }

  /** Any of those to which a canonical leads will do. */
  private async anyBearing(query: LinkedQuery, canonical: Canonical): Promise<LinkVerdict> {
    const found = await this.bearing.get({ type: query.type, url: canonical.url });
    if (found === undefined) return false;
    const verdicts = found.resources.map(async (target): Promise<LinkVerdict> => {
      const own = canonicalOf(target.values);
      return own !== undefined && leadsTo(canonical, own) && this.targetHolds(query, target);
    });
    return any([...(await Promise.all(verdicts)), ...(found.complete ? [] : ['undecided' as const])]);
  }

  private async targetHolds({ clauses, links }: LinkedQuery, target: Resource): Promise<LinkVerdict> {
    return clauses.every((clause) => clauseHolds(clause, target.values)) && this.linksHold(links, target);
  }

  private target(type: string, id: string): Promise<Resource | undefined> {
    const name = nameOf({ type, id });
    let target = this.targets.get(name);
    if (target === undefined) this.targets.set(name, (target = this.reads.get({ type, id })));
    return target;
  }

  private async readTargets(keys: readonly { type: string; id: string }[]): Promise<ReadonlyMap<string, Resource>> {
    const rows = await this.database.rows<ChangeRow>(CURRENT_RESOURCES, [keys.map(({ type }) => type), keys.map(({ id }) => id)]);
    return new Map(rows.flatMap((row) => this.resourceOf(row).map((resource): [string, Resource] => [nameOf(row), resource])));
  }

  private async readBearing(keys: readonly OwnUrl[]): Promise<ReadonlyMap<string, Bearing>> {
    const rows = await this.database.rows<ChangeRow & { key: bigint }>(FIND_CONTEXT, [
      [],
      [],
      keys.map(({ type }) => type),
      keys.map(({ type, url }) => keyOfOwnUrl(type, url)),
      MOST_OF_A_URL + 1,
      MOST_BYTES,
    ]);
    const ofKey = Map.groupBy(rows, ({ type, key }) => `${type} ${String(key)}`);
    return new Map(
      keys.map((key) => {
        const found = ofKey.get(`${key.type} ${String(keyOfOwnUrl(key.type, key.url))}`) ?? [];
        const complete = found.length <= MOST_OF_A_URL && found.every(({ body }) => body !== null);
        return [nameOfUrl(key), { resources: found.flatMap((row) => this.resourceOf(row)), complete }];
      }),
    );
  }

  /** None where it is deleted or its text was left out. */
  private resourceOf({ type, id, at, body }: Pick<ChangeRow, 'type' | 'id' | 'at' | 'body'>): Resource[] {
    if (body === null) return [];
    return [{ type, id, values: this.semantics.extract(type, JSON.parse(body), { id, lastUpdated: at }) }];
  }

  /** All together; where that takes too long, each link by itself, so that one does not stand for the others. */
  private async askReferring(keys: readonly ReferringKey[]): Promise<ReadonlyMap<string, LinkVerdict>> {
    const verdicts = await this.askWithin(keys, this.budgets.together);
    if (verdicts !== undefined) return verdicts;
    const each = new Map<string, LinkVerdict>();
    for (const [link, ofLink] of Map.groupBy(keys, (key) => key.link)) {
      const found = this.givenUp.has(link) ? undefined : await this.askWithin(ofLink, this.budgets.alone);
      if (found === undefined) this.givenUp.add(link);
      for (const key of ofLink) each.set(this.nameOfKey(key), found?.get(this.nameOfKey(key)) ?? 'undecided');
    }
    return each;
  }

  /** Undefined: cancelled. */
  private async askWithin(
    keys: readonly ReferringKey[],
    milliseconds: number,
  ): Promise<ReadonlyMap<string, LinkVerdict> | undefined> {
    const { text, values } = referringStatement(keys);
    try {
      const rows = await this.database.transaction(async (tx) => {
        await tx.rows(BOUND_LOOK_UPS, [String(milliseconds)]);
        return tx.rows<{ n: number }>({ text }, values);
      });
      const found = new Set(rows.map(({ n }) => n));
      return new Map(keys.map((key, n) => [this.nameOfKey(key), found.has(n)]));
    } catch (error) {
      if ((error as { code?: unknown }).code === CANCELLED) return undefined;
      throw error;
    }
  }

  private nameOfKey({ link, key }: ReferringKey): string {
    let number = this.numbers.get(link);
    if (number === undefined) this.numbers.set(link, (number = this.numbers.size));
    return `${number} ${key}`;
  }
}

const nameOfUrl = ({ type, url }: OwnUrl) => `${type} ${url}`;
const nameOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`;
