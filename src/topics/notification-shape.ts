import type { IncludeDirective, NotificationShape } from './topic-definition.js';

/**
 * Reads what a shape adds to its focus. `Encounter:patient&iterate=Patient.link` is an include and an iterating one; a leading
 * `_include=` is accepted. `refuse` hears of every directive that cannot be read.
 */
export function parseShape(
  type: string,
  include: readonly string[],
  revInclude: readonly string[],
  refuse: (problem: string, list: 'include' | 'revInclude', index: number) => void,
): NotificationShape {
  const read = (list: 'include' | 'revInclude', directives: readonly string[]) =>
    directives.flatMap((directive, index) => {
      const parsed = parseDirective(directive);
      if (parsed === undefined) refuse(`"${directive}" does not have the form Type:parameter[:target].`, list, index);
      return parsed ?? [];
    });
  return { type, include: read('include', include), revInclude: read('revInclude', revInclude) };
}

function parseDirective(directive: string): IncludeDirective[] | undefined {
  const parsed: IncludeDirective[] = [];
  for (const part of directive.split('&')) {
    const match =
      /^(?:(_include|_revinclude|_include:iterate|_revinclude:iterate|iterate)=)?([A-Z]\w*)[:.]([\w-]+)(?::([A-Z]\w*))?$/.exec(
        part.trim(),
      );
    if (match === null) return undefined;
    const [, name, source, parameter, target] = match;
    parsed.push({ source: source ?? '', parameter: parameter ?? '', target, iterate: name?.endsWith('iterate') ?? false });
  }
  return parsed;
}
