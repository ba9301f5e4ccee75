import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The topics that come with the hub; the same place seen from `src/topics` and from `dist/topics`. */
export const SEED_FOLDER = new URL('../../topics/', import.meta.url);

/** A topic that comes with the hub. Its file is named after its id. */
export interface SeedTopic {
  id: string;
  value: Record<string, unknown>;
}

/** Where seeds are stored: through the same door and the same checks as a client's writes. */
export abstract class SeedStore {
  /** The newest version, undefined where the id was never used; `text` null: deleted. */
  abstract newest(id: string): Promise<{ version: number; text: string | null } | undefined>;
  /** Stores a new version unless another came in since `version`. */
  abstract write(topic: SeedTopic, version: number | undefined): Promise<void>;
}

export function readSeedTopics(folder: string): SeedTopic[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const value = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
      const id = name.slice(0, -'.json'.length);
      if (value.resourceType !== 'SubscriptionTopic' || value.id !== id)
        throw new Error(`topics/${name} is not the SubscriptionTopic "${id}"`);
      return { id, value };
    });
}

/** Brings the stored topics up to the seeds; what an operator changed or deleted stays as it is. Returns the ids that were written. */
export async function seedTopics(seeds: readonly SeedTopic[], store: SeedStore): Promise<string[]> {
  const written: string[] = [];
  for (const seed of seeds) {
    const stored = await store.newest(seed.id);
    if (stored !== undefined && !isOutdatedSeed(stored.text, seed)) continue;
    await store.write({ id: seed.id, value: withMark(seed.value) }, stored?.version);
    written.push(seed.id);
  }
  return written;
}

const MARK_SYSTEM = 'https://carillon.example/fhir/CodeSystem/seed';

/**
 * A seed is stored with a tag that holds the hash of its content. Content that still has that hash was never touched, so a newer seed may
 * take its place; anything else is the operator's.
 */
function isOutdatedSeed(text: string | null, seed: SeedTopic): boolean {
  if (text === null) return false;
  const stored = JSON.parse(text) as Record<string, unknown>;
  const mark = markOf(stored);
  return mark !== undefined && mark === contentHash(stored) && mark !== contentHash(seed.value);
}

function withMark(value: Record<string, unknown>): Record<string, unknown> {
  const { resourceType, id, ...content } = value;
  const tag = [{ system: MARK_SYSTEM, code: contentHash(value), display: 'Came with the hub' }];
  return { resourceType, id, meta: { tag }, ...content };
}

function markOf(value: Record<string, unknown>): string | undefined {
  const tags = (value.meta as { tag?: { system?: string; code?: string }[] } | undefined)?.tag ?? [];
  return tags.find((tag) => tag.system === MARK_SYSTEM)?.code;
}

function contentHash({ id: _id, meta: _meta, ...content }: Record<string, unknown>): string {
  return createHash('sha256').update(sortedText(content)).digest('hex').slice(0, 32);
}

/** JSON with members in the order of their names. */
function sortedText(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
