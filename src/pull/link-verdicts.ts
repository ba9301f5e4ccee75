import type { WrittenLink } from '../search/conditions.js';
import type { LinkedResources, LinkVerdict } from '../subscriptions/linked-resources.js';
import type { TopicChange } from '../topics/compile-topic.js';

/** What other resources say of a change as they stand now, by how each link was written. */
export async function linkVerdicts(
  linked: LinkedResources,
  change: TopicChange,
  links: readonly WrittenLink[],
): Promise<ReadonlyMap<string, LinkVerdict>> {
  const state = change.current ?? change.previous;
  if (links.length === 0) return new Map();
  const values = state?.values ?? { resourceType: change.type, get: () => undefined, entries: () => [] };
  const given = (state?.resource as { id?: unknown } | undefined)?.id;
  // What was never stored, nobody refers to.
  const id = typeof given === 'string' ? given : '';
  const verdicts = await linked.hold(links.map(({ link }) => ({ type: change.type, id, values, links: [link] })));
  return new Map(links.map(({ written }, index) => [written, verdicts[index] ?? 'undecided']));
}
