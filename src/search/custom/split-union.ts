/** The members of an expression's outermost union, as written. */
export function splitUnion(expression: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i < expression.length; i++) {
    const character = expression[i];
    if (quoted && character === '\\') i++;
    else if (character === "'") quoted = !quoted;
    else if (quoted) continue;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) {
      members.push(expression.slice(start, i).trim());
      start = i + 1;
    }
  }
  return [...members, expression.slice(start).trim()];
}
