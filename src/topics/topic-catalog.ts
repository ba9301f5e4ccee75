import type { TopicDefinition } from './topic-definition.js';

/** Every topic the hub holds, by canonical; several versions of one url may stand side by side. */
export class TopicCatalog<Topic extends { definition: TopicDefinition }> {
  private readonly byUrl = new Map<string, Topic[]>();

  constructor(topics: Iterable<Topic> = []) {
    for (const topic of topics) this.put(topic);
  }

  /** Takes the place of what was put under the same resource id. */
  put(topic: Topic): void {
    this.remove(topic.definition.id);
    const { url } = topic.definition;
    this.byUrl.set(
      url,
      [...(this.byUrl.get(url) ?? []), topic].sort((a, b) => compareNewestFirst(a.definition, b.definition)),
    );
  }

  /** Returns what was removed. */
  remove(id: string): Topic | undefined {
    for (const [url, topics] of this.byUrl) {
      const found = topics.find((topic) => topic.definition.id === id);
      if (found === undefined) continue;
      if (topics.length === 1) this.byUrl.delete(url);
      else
        this.byUrl.set(
          url,
          topics.filter((topic) => topic !== found),
        );
      return found;
    }
    return undefined;
  }

  /** The active topic a canonical names: `url|version`, or the newest active version of a bare `url`. */
  active(canonical: string): Topic | undefined {
    return this.named(canonical).find((topic) => topic.definition.status === 'active');
  }

  /** All topics a canonical names, whatever their status, newest first. */
  named(canonical: string): readonly Topic[] {
    const { url, version } = splitCanonical(canonical);
    const topics = this.byUrl.get(url) ?? [];
    return version === undefined ? topics : topics.filter((topic) => topic.definition.version === version);
  }

  *all(): Iterable<Topic> {
    for (const topics of this.byUrl.values()) yield* topics;
  }
}

export function splitCanonical(canonical: string): { url: string; version?: string } {
  const bar = canonical.indexOf('|');
  return bar < 0 ? { url: canonical } : { url: canonical.slice(0, bar), version: canonical.slice(bar + 1) };
}

/** By version (numbers in it compare as numbers: 1.10 is newer than 1.9), then date, then id, so that the order never wavers. */
function compareNewestFirst(a: TopicDefinition, b: TopicDefinition): number {
  return compareVersions(b.version ?? '', a.version ?? '') || compareText(b.date ?? '', a.date ?? '') || compareText(b.id, a.id);
}

function compareVersions(a: string, b: string): number {
  const left = a.split(/[.-]/);
  const right = b.split(/[.-]/);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const x = left[index] ?? '';
    const y = right[index] ?? '';
    if (x === y) continue;
    return /^\d+$/.test(x) && /^\d+$/.test(y) ? Number(x) - Number(y) || compareText(x, y) : compareText(x, y);
  }
  return 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
