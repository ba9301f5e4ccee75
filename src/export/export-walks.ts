import type { ExportDefinition } from './export-definition.js';

/** A walk through the resources of one stored type, which leave the hub as `shown`. */
export interface ExportWalk {
  stored: string;
  shown: string;
}

/**
 * The walks of an export, in an order that is the same whoever works it out: places are kept by it. R4 has no SubscriptionTopic: there
 * topics are Basic resources (docs/adr/0009-topics-in-r4.md).
 */
export function walksOf({ face, types }: ExportDefinition): ExportWalk[] {
  return types.flatMap((type): ExportWalk[] => {
    const own = { stored: type, shown: type };
    return face === 'r4' && type === 'Basic' ? [own, { stored: 'SubscriptionTopic', shown: 'Basic' }] : [own];
  });
}
