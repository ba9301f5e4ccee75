import type { Face } from '../fhir/change.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Addresses } from './addresses.js';
import { type Capabilities, capabilityStatement } from './capability-statement.js';
import type { ResourceReader } from './resource-reader.js';

/** The CapabilityStatement of each face as text, made once, and anew when the search parameters have changed or, for R4, the topics that it lists. */
export class MetadataText {
  private readonly texts = new Map<Face, { madeFrom: string; text: string }>();
  private readonly date = new Date();

  constructor(
    private readonly addresses: Addresses,
    private readonly semantics: SearchSemantics,
    private readonly parameters: Pick<CurrentParameters, 'follow'>,
    private readonly reader: ResourceReader,
    private readonly hub: Omit<Capabilities, 'face' | 'base' | 'date' | 'parametersOf' | 'topics'>,
  ) {}

  async of(face: Face): Promise<string> {
    const topics = face === 'r4' ? await this.topics() : [];
    await this.parameters.follow();
    const madeFrom = [String(this.semantics.catalog.revision), ...topics].join('\n');
    const known = this.texts.get(face);
    if (known !== undefined && known.madeFrom === madeFrom) return known.text;
    const text = JSON.stringify(
      capabilityStatement({
        ...this.hub,
        face,
        base: this.addresses.base(face),
        date: this.date,
        parametersOf: (type) => this.semantics.parametersOf(type),
        topics,
      }),
    );
    this.texts.set(face, { madeFrom, text });
    return text;
  }

  private async topics(): Promise<string[]> {
    const query = this.semantics.parse('SubscriptionTopic', [['status', 'active']], { handling: 'strict' });
    const { matches } = await this.reader.search(query, { count: MOST_TOPICS });
    const urls = matches.flatMap(({ body }) => {
      const { url } = JSON.parse(body ?? '{}') as { url?: string };
      return url === undefined ? [] : [url];
    });
    return [...new Set(urls)].sort();
  }
}

const MOST_TOPICS = 1000;
