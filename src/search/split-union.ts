// Imports nothing: scripts/compile-search-parameters.mjs reads this file as it lies, before anything is built.

/** What is passed over whole: strings, names between backticks, comments. */
const OPAQUE = /'(?:[^'\\]|\\[^])*'?|`(?:[^`\\]|\\[^])*`?|\/\*[^]*?(?:\*\/|$)|\/\/.*/y;
/** Binds looser than `|` does: where it stands outside of brackets, what it joins is no union as a whole. Words do so behind an operand. */
const LOOSER = /[<>=~]|(?<=[\w'`)\]}/]\s*)(?<!\w)(?:in|contains|and|or|xor|implies)\b/y;

/** The members of an expression's outermost union, as written; the expression alone where it is none. */
export function splitUnion(expression: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < expression.length; i++) {
    const opaque = endOf(OPAQUE, expression, i);
    if (opaque > i) {
      i = opaque - 1;
      continue;
    }
    const character = expression.charAt(i);
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (depth > 0) continue;
    else if (endOf(LOOSER, expression, i) > i) return [expression.trim()];
    else if (character === '|') {
      members.push(expression.slice(start, i).trim());
      start = i + 1;
    }
  }
  return [...members, expression.slice(start).trim()];
}

/** Where what `pattern` finds just at `at` ends; `at` where there is nothing. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
