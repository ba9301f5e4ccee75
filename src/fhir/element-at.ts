const IDENTIFIER = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
/** Longer paths are cut: what is nested without sense needs no exact place. */
const MAX_LENGTH = 200;
const QUOTE = '"';

interface Container {
  list: boolean;
  /** In a list: the number of the item. */
  index: number;
  /** In an object: the member being read; undefined between two members. */
  name?: string;
}

/**
 * FHIRPath of the element that holds place `at` of a JSON text, which need not be well formed beyond that place: where to mend it. Read
 * only when a text is refused.
 */
export function elementAt(text: string, at: number): string {
  const open: Container[] = [];
  for (let i = 0; i < at; i++) {
    const inner = open.at(-1);
    const character = text[i]!;
    switch (character) {
      case '{':
      case '[':
        open.push({ list: character === '[', index: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (inner?.list) inner.index++;
        else if (inner !== undefined) inner.name = undefined;
        break;
      case QUOTE: {
        const end = endOfString(text, i);
        if (inner !== undefined && !inner.list && inner.name === undefined && end < at) inner.name = text.slice(i + 1, end);
        i = end;
        break;
      }
    }
  }
  return typeNamed(text) + pathOf(open);
}

function pathOf(open: readonly Container[]): string {
  let path = '';
  for (const { list, index, name } of open) {
    if (path.length > MAX_LENGTH) return path;
    if (list) path += `[${index}]`;
    else {
      // A sibling such as `_status` belongs to the element `status`.
      const element = name?.replace(/^_/, '');
      if (element === undefined || !IDENTIFIER.test(element)) return path;
      path += `.${element}`;
    }
  }
  return path;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === '\\' ? 2 : 1;
  return at;
}

function typeNamed(text: string): string {
  return /"resourceType"\s*:\s*"([A-Za-z]{1,64})"/.exec(text)?.[1] ?? 'Resource';
}
