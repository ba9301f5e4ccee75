import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { SearchDefinitions } from '../search/search-definitions.js';
import { ANY_TYPE, type IncludeDirective, type NotificationShape, type TopicDefinition } from './topic-definition.js';

type List = 'include' | 'revInclude';

const WILDCARD = '*';

/** `_include=`, `_include:iterate=`, `iterate=`, `:iterate=`; `recurse` is the older word for the same. */
const NAME = /^(_include|_revinclude)?(:?(?:iterate|recurse))?=/;
/** `Type:parameter`, `Type:parameter:Target`, with a point for the first colon, a wildcard for the parameter, `:iterate` at the end. */
const DIRECTIVE = /^([A-Z]\w*)[:.]([\w-]+|\*)(?::([A-Z]\w*))?(:iterate|:recurse)?$/;

/**
 * Reads what a shape adds to its focus. `Encounter:patient&iterate=Patient.link` is an include and an iterating one; a leading
 * `_include=` is accepted. `refuse` hears of every directive that cannot be read.
 */
export function parseShape(
  shape: { type: string; path: string; include: readonly string[]; revInclude: readonly string[] },
  refuse: (path: string, problem: string) => void,
): NotificationShape {
  const read = (list: List) =>
    shape[list].flatMap((directive, index) => {
      const path = `${shape.path}.${list}[${index}]`;
      const parsed = parseDirective(directive, list, shape.type, path);
      if (parsed === undefined) refuse(path, `"${directive}" does not have the form Type:parameter[:target].`);
      return parsed ?? [];
    });
  return { type: shape.type, include: read('include'), revInclude: read('revInclude') };
}

function parseDirective(text: string, list: List, shapeType: string, path: string): IncludeDirective[] | undefined {
  const parsed: IncludeDirective[] = [];
  for (const part of text.trim().replace(/^\?/, '').split('&')) {
    const [written = '', name, iterates] = NAME.exec(part.trim()) ?? [];
    if (name !== undefined && name !== (list === 'include' ? '_include' : '_revinclude')) return undefined;
    const directive = part.trim().slice(written.length);
    if (directive === WILDCARD) {
      const source = list === 'include' ? shapeType : ANY_TYPE;
      parsed.push({ path, source, parameter: WILDCARD, target: undefined, iterate: iterates !== undefined });
      continue;
    }
    const match = DIRECTIVE.exec(directive);
    if (match === null) return undefined;
    const [, source = '', parameter = '', target, suffix] = match;
    parsed.push({ path, source, parameter, target, iterate: (iterates ?? suffix) !== undefined });
  }
  return parsed;
}

/**
 * Every directive of a topic must mean something: what can add nothing is a slip that nobody would notice. A parameter that the hub does not
 * know may be another server's, so it is passed over, as the standard asks of directives that a server cannot run (FHIR's own example of
 * an admission names one).
 * @throws FhirError 422 naming every directive that does not
 */
export function checkShapes({ shapes }: TopicDefinition, definitions: SearchDefinitions): void {
  const [first, ...rest] = shapes
    .flatMap(({ include, revInclude }) => [...include, ...revInclude])
    .flatMap((directive): Issue[] => {
      const diagnostics = problemOf(directive, definitions);
      return diagnostics === undefined ? [] : [{ code: 'business-rule', diagnostics, expression: directive.path }];
    });
  if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
}

function problemOf({ source, parameter, target }: IncludeDirective, definitions: SearchDefinitions): string | undefined {
  if (target !== undefined && !definitions.isResourceType(target)) return `"${target}" is not a resource type of FHIR R4B.`;
  if (parameter === WILDCARD && source === ANY_TYPE) return undefined;
  if (!definitions.isResourceType(source)) return `"${source}" is not a resource type of FHIR R4B.`;
  if (parameter === WILDCARD) return undefined;
  const found = definitions.find(source, parameter);
  if (found === undefined) return undefined;
  if (found.type !== 'reference') return `"${parameter}" is no search parameter of ${source} that leads to resources.`;
  if (target === undefined || found.targets.includes(target)) return undefined;
  return `"${parameter}" of ${source} leads to ${found.targets.join(', ')}, not to ${target}.`;
}

/** A reference parameter to follow from a resource, maybe only to resources of one type. */
export interface Forward {
  code: string;
  target?: string;
}

/** A reference parameter of other resources by which they refer to this one. */
export interface Backward {
  source: string;
  code: string;
}

/** The shapes of a topic for one type of focus as what there is to look for, worked out once for each type that is met. */
export class ShapePlan {
  private readonly forward = new Map<string, readonly Forward[]>();
  private readonly backward = new Map<string, readonly Backward[]>();
  private readonly includes: readonly IncludeDirective[];
  private readonly revIncludes: readonly IncludeDirective[];
  /** Whether included resources are followed in turn. */
  readonly iterates: boolean;

  constructor(
    shapes: readonly NotificationShape[],
    private readonly definitions: SearchDefinitions,
  ) {
    this.includes = shapes.flatMap(({ include }) => include);
    this.revIncludes = shapes.flatMap(({ revInclude }) => revInclude);
    this.iterates = [...this.includes, ...this.revIncludes].some(({ iterate }) => iterate);
  }

  /** Undefined where the topic has no shape for such a focus. */
  static of({ shapes }: TopicDefinition, focusType: string, definitions: SearchDefinitions): ShapePlan | undefined {
    const own = shapes.filter(({ type }) => type === focusType || type === ANY_TYPE);
    return own.some(({ include, revInclude }) => include.length + revInclude.length > 0)
      ? new ShapePlan(own, definitions)
      : undefined;
  }

  /** What to follow from a resource: from a focus every directive, from an included one those that iterate. */
  forwardOf(type: string, isFocus: boolean): readonly Forward[] {
    return kept(this.forward, `${type}${isFocus ? '!' : ''}`, () =>
      this.includes.flatMap(({ source, parameter, target, iterate }) => {
        if (!(iterate || isFocus) || !(source === type || source === ANY_TYPE)) return [];
        return this.parametersOf(type, parameter).map(({ code }) => ({ code, target }));
      }),
    );
  }

  /** Whose references to a resource count. */
  backwardOf(type: string, isFocus: boolean): readonly Backward[] {
    return kept(this.backward, `${type}${isFocus ? '!' : ''}`, () =>
      this.revIncludes.flatMap(({ source, parameter, target, iterate }) => {
        if (!(iterate || isFocus) || (target !== undefined && target !== type)) return [];
        const sources = source === ANY_TYPE ? this.definitions.resourceTypes() : [source];
        return sources.flatMap((each) =>
          this.parametersOf(each, parameter).flatMap(({ code, targets }) =>
            targets.includes(type) ? [{ source: each, code }] : [],
          ),
        );
      }),
    );
  }

  private parametersOf(type: string, parameter: string) {
    const all = this.definitions.parametersOf(type);
    return all.filter((each) => each.type === 'reference' && (parameter === WILDCARD || parameter === each.code));
  }
}

function kept<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
