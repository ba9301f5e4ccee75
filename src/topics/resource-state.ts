import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import type { ResourceState } from './compile-topic.js';

/** A resource as triggers and filters see it; its search values are worked out when first asked for. */
export function resourceState(
  type: string,
  resource: unknown,
  semantics: SearchSemantics,
  identity?: { id: string; lastUpdated: Date },
): ResourceState {
  let values: ExtractedValues | undefined;
  return {
    resource,
    get values() {
      return (values ??= semantics.extract(type, resource, identity));
    },
  };
}
