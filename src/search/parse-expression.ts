/** The FHIRPath subset that search parameters are written in, as a tree. */
export type Expression =
  | { kind: 'member'; of?: Expression; name: string }
  | { kind: 'call'; of?: Expression; name: string; args: readonly Expression[] }
  | { kind: 'index'; of: Expression; index: number }
  | { kind: 'literal'; value: string | number | boolean }
  | { kind: 'variable'; name: string }
  | { kind: 'this' }
  | { kind: 'type'; operator: 'is' | 'as'; of: Expression; type: string }
  | { kind: 'union'; members: readonly Expression[] }
  | { kind: 'binary'; operator: '=' | '!=' | 'and' | 'or'; left: Expression; right: Expression };

/** Thrown for expressions outside the subset: `fhirpath` takes those. */
export class UnsupportedExpression extends Error {
  override readonly name: string = 'UnsupportedExpression';
}

/** A path over an element that its type does not have. */
export class UnknownElement extends UnsupportedExpression {
  override readonly name = 'UnknownElement';
}

/** An expression that stands for so many paths that it is not evaluated in any way. */
export class UnboundedExpression extends Error {
  override readonly name = 'UnboundedExpression';
}

const TOKEN = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'((?:[^'\\]|\\.)*)'|(\d+(?:\.\d+)?)|(!=|\$this\b|[.()[\],|=%]))/y;

interface Token {
  kind: 'name' | 'string' | 'number' | 'symbol' | 'end';
  text: string;
}

/** @throws UnsupportedExpression for what the subset does not know, syntax errors included */
export function parseExpression(text: string): Expression {
  const tokens = tokensOf(text);
  let at = 0;
  const result = parseOr();
  if (peek().kind !== 'end') throw unexpected();
  return result;

  function peek(): Token {
    return tokens[at] as Token;
  }
  function unexpected(): UnsupportedExpression {
    return new UnsupportedExpression(`'${peek().text}' in '${text}'`);
  }
  function takes(symbol: string): boolean {
    const { kind, text: found } = peek();
    if ((kind !== 'symbol' && kind !== 'name') || found !== symbol) return false;
    at++;
    return true;
  }
  function expect(symbol: string): void {
    if (!takes(symbol)) throw unexpected();
  }
  function name(): string {
    if (peek().kind !== 'name') throw unexpected();
    return (tokens[at++] as Token).text;
  }

  // From the loosest binding to the tightest: or, and, equality, union, is/as, path.
  function parseOr(): Expression {
    let left = parseAnd();
    while (takes('or')) left = { kind: 'binary', operator: 'or', left, right: parseAnd() };
    return left;
  }
  function parseAnd(): Expression {
    let left = parseEquality();
    while (takes('and')) left = { kind: 'binary', operator: 'and', left, right: parseEquality() };
    return left;
  }
  function parseEquality(): Expression {
    const left = parseUnion();
    if (takes('=')) return { kind: 'binary', operator: '=', left, right: parseUnion() };
    if (takes('!=')) return { kind: 'binary', operator: '!=', left, right: parseUnion() };
    return left;
  }
  function parseUnion(): Expression {
    const members = [parseType()];
    while (takes('|')) members.push(parseType());
    return members.length === 1 ? (members[0] as Expression) : { kind: 'union', members };
  }
  function parseType(): Expression {
    let of = parsePath();
    for (;;) {
      const operator = takes('is') ? 'is' : takes('as') ? 'as' : undefined;
      if (!operator) return of;
      of = { kind: 'type', operator, of, type: typeName() };
    }
  }
  function typeName(): string {
    const first = name();
    return first === 'FHIR' && takes('.') ? name() : first;
  }
  function parsePath(): Expression {
    let of = parseTerm();
    for (;;) {
      if (takes('.')) of = parseInvocation(of);
      else if (takes('[')) {
        if (peek().kind !== 'number') throw unexpected();
        of = { kind: 'index', of, index: Number((tokens[at++] as Token).text) };
        expect(']');
      } else return of;
    }
  }
  function parseTerm(): Expression {
    const { kind, text: found } = peek();
    if (takes('(')) {
      const inner = parseOr();
      expect(')');
      return inner;
    }
    if (takes('%')) return { kind: 'variable', name: name() };
    if (takes('$this')) return { kind: 'this' };
    if (kind === 'string' || kind === 'number') {
      at++;
      return { kind: 'literal', value: kind === 'string' ? found : Number(found) };
    }
    if (kind === 'name' && (found === 'true' || found === 'false')) {
      at++;
      return { kind: 'literal', value: found === 'true' };
    }
    return parseInvocation(undefined);
  }
  function parseInvocation(of: Expression | undefined): Expression {
    const called = name();
    if (!takes('(')) return { kind: 'member', of, name: called };
    if ((called === 'as' || called === 'ofType' || called === 'is') && of) {
      const type = typeName();
      expect(')');
      return { kind: 'type', operator: called === 'is' ? 'is' : 'as', of, type };
    }
    const args: Expression[] = [];
    if (!takes(')')) {
      do args.push(parseOr());
      while (takes(','));
      expect(')');
    }
    return { kind: 'call', of, name: called, args };
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new UnsupportedExpression(`'${text.slice(from, from + 20)}' in '${text}'`);
    const [, word, string, number, symbol] = match;
    if (word !== undefined) tokens.push({ kind: 'name', text: word });
    else if (string !== undefined) tokens.push({ kind: 'string', text: string.replace(/\\(.)/g, '$1') });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else tokens.push({ kind: 'symbol', text: symbol as string });
  }
  tokens.push({ kind: 'end', text: 'the end' });
  return tokens;
}
