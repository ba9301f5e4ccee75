import { parseExact, sameJson } from './exact-json.js';
import { type MemberSpan, membersOf } from './json-members.js';

/** What the hub itself says of a version. `lastUpdated` is an instant as text. */
export interface Stamp {
  id: string;
  versionId: string;
  lastUpdated: string;
}

const STAMPED = ['resourceType', 'id', 'meta'];

/**
 * The text with the hub's id, version and time put in front: `{"resourceType":…,"id":…,"meta":{…},` and then everything else exactly as
 * the client wrote and ordered it, the rest of its `meta` included. Nothing is parsed or printed again, so no digit changes.
 * @param text as returned by `parseJson`
 * @param value the same, parsed: it tells how far the text has to be read (6 µs less for an Observation that begins as usual)
 */
export function stampResource(text: string, stamp: Stamp, value?: Readonly<Record<string, unknown>>): string {
  const members = value === undefined ? membersOf(text) : membersUpTo(text, value, STAMPED);
  const type = members.find((member) => member.name === 'resourceType');
  let stamped = type === undefined ? '{' : `{"resourceType":${text.slice(type.valueStart, type.end)},`;
  stamped += `"id":${JSON.stringify(stamp.id)},"meta":{"versionId":${JSON.stringify(stamp.versionId)}`;
  stamped += `,"lastUpdated":${JSON.stringify(stamp.lastUpdated)}`;
  const meta = members.find((member) => member.name === 'meta');
  if (meta !== undefined && text[meta.valueStart] === '{') {
    stamped += withoutMembers(text, membersOf(text, meta.valueStart), ['versionId', 'lastUpdated']);
  }
  const behind = members.at(-1)?.end ?? 1;
  return `${stamped}}${withoutMembers(text, members, STAMPED)}${text.slice(behind)}`;
}

/** The members up to the last one of those named. */
function membersUpTo(text: string, value: Readonly<Record<string, unknown>>, names: readonly string[]): MemberSpan[] {
  let left = names.filter((name) => Object.hasOwn(value, name)).length;
  return membersOf(text, 0, (name) => names.includes(name) && --left === 0);
}

/** The members that stay, each led by a comma. Neighbours are copied in one piece. */
function withoutMembers(text: string, members: readonly MemberSpan[], dropped: readonly string[]): string {
  let kept = '';
  let from = -1;
  let to = -1;
  for (const member of members) {
    if (dropped.includes(member.name)) continue;
    if (from !== -1 && member.start !== to + 1) {
      kept += `,${text.slice(from, to)}`;
      from = -1;
    }
    if (from === -1) from = member.start;
    to = member.end;
  }
  return from === -1 ? kept : `${kept},${text.slice(from, to)}`;
}

const ANY_STAMP: Stamp = { id: '', versionId: '', lastUpdated: '' };

/**
 * Whether a resource says the same as the stored one, `id`, `meta.versionId` and `meta.lastUpdated` aside: then a PUT makes no version and
 * no event. Member order and escapes mean nothing, the digits of a number do.
 */
export function sameContent(stored: string, incoming: string): boolean {
  const left = stampResource(stored, ANY_STAMP);
  const right = stampResource(incoming, ANY_STAMP);
  if (left === right) return true;
  // Most differences show without the digits, at a quarter of the cost: parsing exactly takes 20 µs for an Observation.
  return sameJson(JSON.parse(left), JSON.parse(right)) && sameJson(parseExact(left), parseExact(right));
}
