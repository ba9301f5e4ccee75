import { type Definitions, type TypeDefinition, definitions } from './definitions.js';
import { parseReference } from './references.js';
import { expressionOf } from './validate-resource.js';

/** A reference to a resource of this hub, and where it stands. */
export interface OwnReference {
  type: string;
  id: string;
  /** Of a reference to one version. */
  version?: string;
  /** `Observation.contained[0].subject.reference` */
  expression: string;
}

/**
 * The references in a resource that lead to resources of this hub, wherever they stand: in extensions and contained resources, too. What
 * the resources within a Bundle refer to is a matter of the Bundle.
 * @param resource valid
 * @param bases of this hub, without a slash at the end
 */
export function ownReferences(
  resource: Record<string, unknown>,
  bases: readonly string[],
  known: Definitions = definitions(),
): OwnReference[] {
  const found: OwnReference[] = [];
  const path: (string | number)[] = [];

  function walk(value: unknown, type: TypeDefinition | undefined): void {
    if (type === undefined || typeof value !== 'object' || value === null) return;
    const owner = value as Record<string, unknown>;
    for (const name in owner) {
      const member = type.members.get(name);
      if (member === undefined) continue;
      const held = owner[name];
      path.push(name);
      if (type.name === 'Reference' && name === 'reference') {
        if (typeof held === 'string') note(held);
      } else if (member.test === undefined && (member.type !== 'Resource' || name === 'contained')) {
        const memberType = known.type(member.type);
        if (Array.isArray(held)) {
          for (const [index, item] of held.entries()) {
            path.push(index);
            walk(item, member.type === 'Resource' ? typeOf(item) : memberType);
            path.pop();
          }
        } else walk(held, memberType);
      }
      path.pop();
    }
  }

  function typeOf(item: unknown): TypeDefinition | undefined {
    const name = (item as { resourceType?: unknown } | null)?.resourceType;
    return known.isResourceType(name) ? known.type(name) : undefined;
  }

  function note(text: string): void {
    const reference = parseReference(text, bases, known);
    if (reference.kind !== 'local') return;
    const { type, id, version } = reference;
    found.push({ type, id, ...(version === undefined ? {} : { version }), expression: expressionOf(path) });
  }

  const type = typeOf(resource);
  path.push(type?.name ?? '');
  walk(resource, type);
  return found;
}
