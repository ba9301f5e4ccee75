import type { Change, Face } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { Compartments } from '../search/compartments.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { careDateOf } from './care-dates.js';
import type { CompartmentMembers, MembersAsked } from './compartment-members.js';
import type { EverythingRequest } from './everything-request.js';
import type { FaceReader } from './face-reader.js';
import type { PageMark } from './resource-reader.js';
import { supportingOf } from './supporting.js';

/** Members read at a time, to find what they refer to. */
const WALKED_AT_ONCE = 500;
/** The two parts of the walk, and where it begins: with the resource itself. */
const MEMBER = 'member';
const SUPPORT = 'support';

export interface EverythingPage {
  members: Change[];
  /** What the members refer to. */
  supporting: Change[];
  next?: PageMark;
}

interface Walk {
  face: Face;
  root: Change;
  request: EverythingRequest;
  /** When the time for an answer is over. */
  deadline: number;
}

/**
 * A patient or an encounter with all that the hub holds of it: the resource, its compartment, and what those refer to, one step far. Each
 * comes once; pages follow one another by type and id, so that nothing is skipped or repeated that stays as it is meanwhile.
 */
export class Everything {
  constructor(
    private readonly reader: FaceReader,
    private readonly compartment: CompartmentMembers,
    private readonly compartments: Compartments,
    private readonly semantics: SearchSemantics,
    private readonly budgetMilliseconds: number,
  ) {}

  /** @throws FhirError 404, 410, 503 */
  async page(face: Face, type: string, id: string, request: EverythingRequest, after?: PageMark): Promise<EverythingPage> {
    const root = await this.reader.current(face, type, id);
    if (root === undefined) throw new FhirError('not-found', `There is no ${type}/${id}`);
    if (root.body === null) throw new FhirError('deleted', `${type}/${id} was deleted at ${root.at.toISOString()}`);
    const walk: Walk = { face, root, request, deadline: Date.now() + this.budgetMilliseconds };
    const { count } = request;
    const page: EverythingPage = { members: [], supporting: [] };
    if (after?.keys[0] !== SUPPORT) {
      if (after === undefined && this.isWanted(root, request)) page.members.push(root);
      const types = this.typesOf(face, type).filter((one) => request.types?.includes(one) ?? true);
      const members = await this.members(walk, types, { since: request.since, after: after?.tie || undefined, limit: count + 1 });
      page.members.push(...members.filter((member) => nameOf(member) !== nameOf(root)));
      if (page.members.length > count || members.length > count) {
        page.members = page.members.slice(0, count);
        const last = page.members.at(-1)!;
        return { ...page, next: { keys: [MEMBER], tie: last === root ? '' : nameOf(last) } };
      }
    }
    const behind = after?.keys[0] === SUPPORT ? after.tie : '';
    const { found, last, more } = await this.support(walk, behind, count - page.members.length);
    return { ...page, supporting: found, ...(more ? { next: { keys: [SUPPORT], tie: last } } : {}) };
  }

  private isWanted({ type, at }: Change, { types, since }: EverythingRequest): boolean {
    return (types?.includes(type) ?? true) && (since === undefined || at >= since);
  }

  private typesOf(face: Face, compartment: string): string[] {
    return this.compartments.typesOf(compartment).filter((type) => isTypeOfFace(type, face));
  }

  private async members(
    { root, request, deadline }: Walk,
    types: readonly string[],
    asked: Pick<MembersAsked, 'since' | 'after' | 'limit'>,
  ): Promise<Change[]> {
    if (types.length === 0) return [];
    if (Date.now() > deadline)
      throw new FhirError('too-costly', 'The answer took longer than this server allows; ask for fewer types, or by $export');
    const keys = this.compartments.keysOf(root.type, root.id, types);
    const { period } = request;
    return this.compartment.page({
      ...asked,
      keys,
      ...(period === undefined ? {} : { care: { period, dates: this.dates(types) } }),
    });
  }

  private dates(types: readonly string[]): { type: string; code: string }[] {
    return types.flatMap((type) => {
      const code = careDateOf((name) => this.semantics.definitions.find(type, name) !== undefined);
      return code === undefined ? [] : [{ type, code }];
    });
  }

  /** Up to `limit` resources that some member refers to, behind a place. */
  private async support(walk: Walk, behind: string, limit: number): Promise<{ found: Change[]; last: string; more: boolean }> {
    const names = (await this.supportNames(walk)).filter((name) => name > behind);
    const found: Change[] = [];
    let last = behind;
    for (let at = 0; at < names.length && limit > 0;) {
      const some = names.slice(at, at + limit - found.length);
      if (some.length === 0) return { found, last, more: true };
      const read = await Promise.all(some.map((name) => this.reader.current(walk.face, ...partsOf(name))));
      found.push(...read.filter((one) => one?.body != null && this.isWanted(one, walk.request)).map((one) => one!));
      at += some.length;
      last = some.at(-1)!;
    }
    return { found, last, more: limit === 0 && names.length > 0 };
  }

  /** In order. Members count whenever they were changed: what they refer to may have changed since. */
  private async supportNames(walk: Walk): Promise<string[]> {
    const { face, root, request } = walk;
    const ofCompartment = new Set([root.type, ...this.compartments.typesOf(root.type)]);
    const asksForMore = request.types === undefined || request.types.some((type) => !ofCompartment.has(type));
    if (!asksForMore) return [];
    const names = new Set<string>();
    const add = (resource: Change) => {
      for (const name of supportingOf(resource, this.semantics.bases, (type) => ofCompartment.has(type))) names.add(name);
    };
    add(root);
    const types = this.typesOf(face, root.type);
    let after: string | undefined;
    for (;;) {
      const members = await this.members(walk, types, { after, limit: WALKED_AT_ONCE });
      members.forEach(add);
      if (members.length < WALKED_AT_ONCE) break;
      after = nameOf(members.at(-1)!);
    }
    const isWanted = (type: string) => isTypeOfFace(type, face) && (request.types?.includes(type) ?? true);
    return [...names].filter((name) => isWanted(partsOf(name)[0])).sort();
  }
}

const nameOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`;

function partsOf(name: string): [type: string, id: string] {
  const [type = '', id = ''] = name.split('/');
  return [type, id];
}
