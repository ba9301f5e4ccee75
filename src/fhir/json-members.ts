/** Where one member of an object stands in its text: `text.slice(valueStart, end)` is the value, `text.slice(start, end)` the member. */
export interface MemberSpan {
  name: string;
  start: number;
  valueStart: number;
  end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The members of the object that begins at `from`, in order, without parsing what is in them. Only for text that {@link parseJson}
 * returned: valid and minified.
 * @param isLast asked for each name; the members behind the first one it says yes to are not looked for
 */
export function membersOf(text: string, from = 0, isLast?: (name: string) => boolean): MemberSpan[] {
  const members: MemberSpan[] = [];
  let at = from + 1;
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at);
    const end = endOfValue(text, nameEnd + 1);
    const name = stringAt(text, at, nameEnd);
    members.push({ name, start: at, valueStart: nameEnd + 1, end });
    if (text.charCodeAt(end) !== COMMA || isLast?.(name) === true) break;
    at = end + 1;
  }
  return members;
}

/** Where the items of the array that begins at `from` stand, under the same conditions. */
export function itemsOf(text: string, from: number): { start: number; end: number }[] {
  const items: { start: number; end: number }[] = [];
  let at = from + 1;
  while (text.charCodeAt(at) !== CLOSE_BRACKET && at < text.length) {
    const end = endOfValue(text, at);
    items.push({ start: at, end });
    at = text.charCodeAt(end) === COMMA ? end + 1 : end;
  }
  return items;
}

/** A name may be written with escapes (`"\u0069d"` is `id`). */
function stringAt(text: string, start: number, end: number): string {
  const inside = text.slice(start + 1, end - 1);
  return inside.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inside;
}

/** Strings longer than this are searched by the engine, which is quicker in a narrative and slower in a code. */
const SHORT = 24;

function endOfString(text: string, start: number): number {
  const short = start + 1 + SHORT;
  let at = start + 1;
  for (; at < short; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
    else if (at >= text.length) return at;
  }
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let escapes = quote;
    while (escapes > at && text.charCodeAt(escapes - 1) === BACKSLASH) escapes--;
    at = quote + 1;
    if ((quote - escapes) % 2 === 0) return at;
  }
}

/** The first place behind the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) {
      return at;
    }
  }
  return text.length;
}
