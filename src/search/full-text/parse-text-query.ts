import { FhirError } from '../../fhir/fhir-error.js';
import { OPERATORS, printTextQuery, type TextQuery } from './text-query.js';
import { wordsOf } from './words.js';

/** Most words in one search, and most parentheses within one another. */
const MOST_WORDS = 100;
const DEEPEST = 20;
/** Shorter beginnings of words would mean half of them. */
const SHORTEST_PREFIX = 2;

type Token = '(' | ')' | 'and' | 'or' | 'not' | { term: TextQuery };

/**
 * Reads what `_text` and `_content` are given: words of which all must be there; `OR` or a comma between alternatives; `NOT` or a minus before
 * what must not be there; parentheses; "phrases"; `begin*`. `AND` may be written, operators in any case. A word that falls apart (`x-ray`,
 * `8867-4`) is a phrase. A backslash takes the next character as it is.
 * @throws FhirError 400 naming the parameter
 */
export function parseTextQuery(text: string, name: string): TextQuery {
  const refuse = (why: string): never => {
    throw new FhirError('invalid', `parameter '${name}' ${why}`, name);
  };
  const parser = new Parser(tokensOf(text, refuse), refuse);
  return parser.whole();
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly refuse: (why: string) => never,
  ) {}

  whole(): TextQuery {
    if (this.tokens.length === 0) this.refuse('holds no word');
    const query = this.alternatives();
    if (this.at < this.tokens.length) this.refuse("has a ')' that closes nothing");
    return query;
  }

  private alternatives(): TextQuery {
    if (++this.depth > DEEPEST) this.refuse(`has more than ${DEEPEST} parentheses within one another`);
    const parts = [this.together()];
    while (this.tokens[this.at] === 'or') {
      this.at += 1;
      parts.push(this.together());
    }
    this.depth -= 1;
    return joined('or', parts);
  }

  private together(): TextQuery {
    const parts = [this.one()];
    for (;;) {
      const next = this.tokens[this.at];
      if (next === undefined || next === ')' || next === 'or') return joined('and', parts);
      if (next === 'and') this.at += 1;
      parts.push(this.one());
    }
  }

  private one(): TextQuery {
    let negated = false;
    while (this.tokens[this.at] === 'not') {
      negated = !negated;
      this.at += 1;
    }
    const found = this.inner();
    if (!negated) return found;
    return found.kind === 'not' ? found.of : { kind: 'not', of: found };
  }

  private inner(): TextQuery {
    const token = this.tokens[this.at++];
    if (token === '(') {
      const query = this.alternatives();
      if (this.tokens[this.at++] !== ')') this.refuse("has a '(' that is not closed");
      return query;
    }
    if (typeof token === 'object') return token.term;
    return this.refuse(`has no word where one belongs (${token === undefined ? 'at its end' : `before '${token}'`})`);
  }
}

/** Parts of the same kind lie side by side, each once. */
function joined(kind: 'and' | 'or', parts: readonly TextQuery[]): TextQuery {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const flat = parts.flatMap((part) => (part.kind === kind ? part.of : [part]));
  const of = [...new Map(flat.map((part) => [printTextQuery(part), part])).values()];
  return of.length === 1 ? of[0]! : { kind, of };
}

function tokensOf(text: string, refuse: (why: string) => never): Token[] {
  const tokens: Token[] = [];
  let count = 0;
  const add = (words: readonly string[], isPrefix = false) => {
    count += words.length;
    if (count > MOST_WORDS) refuse(`asks for more than ${MOST_WORDS} words`);
    const [first] = words;
    if (first === undefined) return;
    if (!isPrefix) tokens.push({ term: words.length === 1 ? { kind: 'word', word: first } : { kind: 'phrase', words } });
    else if (words.length > 1) refuse("has a '*' behind what is not a single word");
    else if ([...first].length < SHORTEST_PREFIX) refuse(`has a '*' behind less than ${SHORTEST_PREFIX} letters`);
    else tokens.push({ term: { kind: 'prefix', prefix: first } });
  };
  for (let at = 0; at < text.length;) {
    const character = text[at]!;
    if (character === '"') {
      const { end, inside } = runFrom(text, at + 1, /"/);
      if (end >= text.length) refuse('has a quote that is not closed');
      add(wordsOf(inside));
      at = end + 1;
    } else if (character === '(' || character === ')') {
      tokens.push(character);
      at += 1;
    } else if (character === ',') {
      tokens.push('or');
      at += 1;
    } else if (/\s/.test(character)) at += 1;
    else if (character === '-' && /[^\s\-,)]/.test(text[at + 1] ?? ' ')) {
      tokens.push('not');
      at += 1;
    } else {
      const { end, inside, isEscaped } = runFrom(text, at, /[\s"(),]/);
      const operator = inside.toLowerCase();
      if (!isEscaped && OPERATORS.has(operator)) tokens.push(operator as Token);
      else add(wordsOf(inside), !isEscaped && inside.endsWith('*'));
      at = end;
    }
  }
  return tokens;
}

/** Up to the next character that ends it; a backslash takes the next one as it is. */
function runFrom(text: string, from: number, ends: RegExp): { end: number; inside: string; isEscaped: boolean } {
  let inside = '';
  let isEscaped = false;
  let at = from;
  for (; at < text.length && !ends.test(text[at]!); at++) {
    if (text[at] === '\\' && at + 1 < text.length) {
      isEscaped = true;
      at += 1;
    }
    inside += text[at];
  }
  return { end: at, inside, isEscaped };
}
