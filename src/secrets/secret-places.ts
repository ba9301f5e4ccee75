import { itemsOf, type MemberSpan, membersOf } from '../fhir/json-members.js';

/** Extension of `Subscription.channel`: a secret (`whsec_…`) that calls of the hub are signed with. */
export const SIGNING_SECRET = 'https://carillon.example/fhir/StructureDefinition/subscription-signing-secret';

/** One secret in a resource's JSON text. */
export interface SecretPlace {
  /** Element and, for a header, its name: what is bound into the sealed text, and what a refusal names. */
  element: string;
  expression: string;
  /** What stands between these is the secret, as JSON source: without the quotes, and of a header without its name and colon. */
  start: number;
  end: number;
}

/** The types that have elements which are secrets by themselves. */
export function mayHoldSecrets(type: string): boolean {
  return type === 'Subscription' || type === 'Endpoint';
}

/**
 * The secrets in the text of a Subscription or an Endpoint: what stands behind the colon of each header, and the signing secrets.
 * @param text valid and minified
 */
export function secretPlaces(type: string, text: string): SecretPlace[] {
  if (type === 'Endpoint') return headerPlaces(text, memberAt(text, 0, 'header'), 'header');
  if (type !== 'Subscription') return [];
  const channel = memberAt(text, 0, 'channel');
  if (channel === undefined || text[channel.valueStart] !== '{') return [];
  return [
    ...signingSecretPlaces(text, memberAt(text, channel.valueStart, 'extension')),
    ...headerPlaces(text, memberAt(text, channel.valueStart, 'header'), 'channel.header'),
  ].sort((a, b) => a.start - b.start);
}

/** The text with other secrets; the rest stays as it is, byte for byte. `next` gets and gives JSON source. */
export function replaceSecrets(
  text: string,
  places: readonly SecretPlace[],
  next: (secret: string, place: SecretPlace) => string,
): string {
  let replaced = '';
  let from = 0;
  for (const place of places) {
    replaced += text.slice(from, place.start) + next(text.slice(place.start, place.end), place);
    from = place.end;
  }
  return replaced + text.slice(from);
}

function headerPlaces(text: string, list: MemberSpan | undefined, element: string): SecretPlace[] {
  if (list === undefined || text[list.valueStart] !== '[') return [];
  return itemsOf(text, list.valueStart).flatMap(({ start, end }, index) => {
    // A null keeps the place of extensions.
    if (text[start] !== '"') return [];
    const behind = behindColon(text, start + 1, end - 1);
    const name = JSON.parse(`${text.slice(start, behind)}"`) as string;
    const expression = `${element}[${index}]`;
    return behind === end - 1 ? [] : [{ element: `${expression} ${name}`, expression, start: behind, end: end - 1 }];
  });
}

/** The place behind the first colon, which may be written as an escape; without one the text is a secret as a whole. */
function behindColon(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (text[at] === ':') return at + 1;
    if (text[at] !== '\\') continue;
    if (text[at + 1] !== 'u') {
      at += 1;
      continue;
    }
    if (text.slice(at + 2, at + 6).toLowerCase() === '003a') return at + 6;
    at += 5;
  }
  return start;
}

function signingSecretPlaces(text: string, list: MemberSpan | undefined): SecretPlace[] {
  if (list === undefined || text[list.valueStart] !== '[') return [];
  return itemsOf(text, list.valueStart).flatMap(({ start }, index) => {
    if (text[start] !== '{') return [];
    const members = membersOf(text, start);
    const url = members.find(({ name }) => name === 'url');
    const value = members.find(({ name }) => name === 'valueString');
    if (url === undefined || value === undefined || text[value.valueStart] !== '"') return [];
    if (JSON.parse(text.slice(url.valueStart, url.end)) !== SIGNING_SECRET) return [];
    const expression = `channel.extension[${index}].valueString`;
    return [{ element: expression, expression, start: value.valueStart + 1, end: value.end - 1 }];
  });
}

function memberAt(text: string, from: number, name: string): MemberSpan | undefined {
  return membersOf(text, from, (found) => found === name).find((member) => member.name === name);
}
