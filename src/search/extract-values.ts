import { collector, compileExpression, visitor, type Branch, type Visit } from './compile-expression.js';
import { splitUnion } from './split-union.js';
import { contentWords, narrativeWords, type WordPlaces } from './full-text/resource-words.js';
import { fhirpathNodes } from './fhirpath-fallback.js';
import { UnsupportedExpression } from './parse-expression.js';
import { findsStrings, readStringToken } from './string-tokens.js';
import { valueReader, type ReadingContext, type ReadNode } from './value-reader.js';
import type { ExtractedValues, ParameterValues, SearchParameter, SearchParameterType } from './values.js';

/** The values of one parameter, or of one part of a composite, from a node of a resource. */
export type Read = (node: unknown, resource: unknown) => ParameterValues | undefined;

/** How the resources of one type are read: every parameter's expression compiled, once. */
export interface TypeReader {
  resourceType: string;
  parameters: readonly SearchParameter[];
  positions: ReadonlyMap<string, number>;
  reads: readonly Read[];
  /** Beside them, by code: what only those read who know the code. */
  frozen: ReadonlyMap<string, Read>;
}

export function typeReader(
  resourceType: string,
  parameters: readonly SearchParameter[],
  context: ReadingContext,
  frozen: ReadonlyMap<string, Read> = new Map(),
): TypeReader {
  return {
    resourceType,
    parameters,
    positions: new Map(parameters.map(({ code }, position) => [code, position])),
    reads: parameters.map((parameter) => parameterReader(parameter, context)),
    frozen,
  };
}

/**
 * The values of one resource, each worked out when it is first asked for. `identity` stands in for `id` and `meta.lastUpdated`.
 * The resource must not be changed while its values are in use.
 */
export function extractValues(reader: TypeReader, value: unknown, identity?: { id: string; lastUpdated: Date }): ExtractedValues {
  return new LazyValues(reader, value, identity);
}

class LazyValues implements ExtractedValues {
  private readonly known: (ParameterValues | null | undefined)[];
  private knownFrozen?: Map<string, ParameterValues | undefined>;
  private narrative?: ParameterValues;
  private content?: ParameterValues;

  constructor(
    private readonly reader: TypeReader,
    private readonly value: unknown,
    identity: { id: string; lastUpdated: Date } | undefined,
  ) {
    this.known = new Array(reader.reads.length);
    if (!identity) return;
    const lastUpdated = identity.lastUpdated.getTime();
    this.know('_id', { type: 'token', values: [{ code: identity.id }] });
    this.know('_lastUpdated', { type: 'date', values: [{ low: lastUpdated, high: lastUpdated + 1 }] });
  }

  get resourceType(): string {
    return this.reader.resourceType;
  }

  get(code: string): ParameterValues | undefined {
    if (code === '_text') return (this.narrative ??= fullText(narrativeWords(this.value)));
    if (code === '_content') return (this.content ??= fullText(contentWords(this.value).places));
    const position = this.reader.positions.get(code);
    return position === undefined ? this.frozen(code) : this.at(position);
  }

  *entries(): Iterable<[string, ParameterValues]> {
    const { parameters } = this.reader;
    for (let position = 0; position < parameters.length; position++) {
      const values = this.at(position);
      if (values) yield [(parameters[position] as SearchParameter).code, values];
    }
  }

  private at(position: number): ParameterValues | undefined {
    const known = this.known[position];
    if (known !== undefined) return known ?? undefined;
    const values = (this.reader.reads[position] as Read)(this.value, this.value);
    this.known[position] = values ?? null;
    return values;
  }

  private frozen(code: string): ParameterValues | undefined {
    const read = this.reader.frozen.get(code);
    if (read === undefined) return undefined;
    const known = (this.knownFrozen ??= new Map<string, ParameterValues | undefined>());
    if (!known.has(code)) known.set(code, read(this.value, this.value));
    return known.get(code);
  }

  private know(code: string, values: ParameterValues): void {
    const position = this.reader.positions.get(code);
    if (position !== undefined) this.known[position] = values;
  }
}

function fullText(words: WordPlaces): ParameterValues {
  return { type: 'full-text', values: [words] };
}

/** How resources of the parameter's base are read by it. */
export function parameterReader(parameter: SearchParameter, context: ReadingContext): Read {
  const { base, type, expression, custom } = parameter;
  const readNode = findsStrings(context.elements, parameter) ? readStringToken : undefined;
  const read =
    type === 'composite' ? compositeReader(parameter, context) : plainReader(type, expression, base, base, context, readNode);
  return custom === true ? withoutFailing(read) : read;
}

/** What a client's expression cannot be evaluated on has no value by it, as FHIRPath errors are nothing that a writer could mend. */
function withoutFailing(read: Read): Read {
  return (node, resource) => {
    try {
      return read(node, resource);
    } catch {
      return undefined;
    }
  };
}

function plainReader(
  type: SearchParameterType,
  expression: string,
  resourceType: string,
  contextType: string,
  context: ReadingContext,
  readBranch?: ReadNode,
): Read {
  const visits = visitsOf(type, expression, resourceType, contextType, context, readBranch);
  // Most parameters have no value in a resource: the list that stayed empty serves the next time.
  let empty: unknown[] | undefined;
  return (node, resource) => {
    const sink = empty ?? [];
    empty = undefined;
    for (let i = 0; i < visits.length; i++) (visits[i] as Visit<unknown[]>)(node, resource, sink);
    if (sink.length > 0) return { type, values: sink } as ParameterValues;
    empty = sink;
    return undefined;
  };
}

/** A visit for each branch whose nodes can have a value for the parameter. */
function visitsOf(
  type: SearchParameterType,
  expression: string,
  resourceType: string,
  contextType: string,
  context: ReadingContext,
  readBranch?: ReadNode,
): readonly Visit<unknown[]>[] {
  const branches = compiled(context, expression, resourceType, contextType);
  if (branches) {
    return branches.flatMap((branch) => {
      const read = readBranch ?? valueReader(type, branch.type, context);
      return read ? [visitor(branch, read)] : [];
    });
  }
  // `fhirpath` would compare each value of a union with each other to leave out those that are there twice, which matters to no index.
  return splitUnion(expression).map((member) => fallbackVisit(type, member, context));
}

function fallbackVisit(type: SearchParameterType, expression: string, context: ReadingContext): Visit<unknown[]> {
  const nodes = fhirpathNodes(expression);
  return (node, resource, sink) => {
    for (const found of nodes(node, resource)) valueReader(type, found.type, context)?.(found.node, sink);
  };
}

function compiled(
  context: ReadingContext,
  expression: string,
  resourceType: string,
  contextType: string,
): readonly Branch[] | undefined {
  try {
    return compileExpression(context.elements, expression, resourceType, contextType);
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

/** One value for each node of the composite's own expression in which every part has values. */
function compositeReader(parameter: SearchParameter, context: ReadingContext): Read {
  const { base, expression, components } = parameter;
  const branches = compiled(context, expression, base, base);
  if (!branches) throw new Error(`composite ${base}.${parameter.code} is beyond the compiler: ${expression}`);
  const readsOfBranch = branches.map((branch) => ({
    nodes: collector([branch]),
    parts: components.map((part) => plainReader(part.type, part.expression, base, branch.type, context)),
  }));
  return (node, resource) => {
    let values: (readonly ParameterValues[])[] | undefined;
    for (const { nodes, parts } of readsOfBranch) {
      for (const each of nodes(node, resource)) {
        const read = readParts(parts, each, resource);
        if (read) (values ??= []).push(read);
      }
    }
    return values && { type: 'composite', values };
  };
}

/** From the last part to the first: the first is mostly a code that is always there, the last the value that mostly is not. */
function readParts(parts: readonly Read[], node: unknown, resource: unknown): readonly ParameterValues[] | undefined {
  let read: ParameterValues[] | undefined;
  for (let i = parts.length - 1; i >= 0; i--) {
    const values = (parts[i] as Read)(node, resource);
    if (!values) return undefined;
    read ??= new Array<ParameterValues>(parts.length);
    read[i] = values;
  }
  return read;
}
