import type { Change } from '../fhir/change.js';
import type { Query } from '../search/query.js';
import type { SecretView } from '../secrets/secret-view.js';
import {
  type FoundLinks,
  type HistoryOptions,
  type HistoryPage,
  type HistoryScope,
  ResourceReader,
  type SearchOptions,
  type SearchPage,
  type WantedLinks,
} from './resource-reader.js';

/** What is stored as clients see it: secrets as the view shows them. What a search finds does not depend on them. */
export class ShownResources extends ResourceReader {
  constructor(
    private readonly reader: ResourceReader,
    private readonly view: SecretView,
  ) {
    super();
  }

  async current(type: string, id: string): Promise<Change | undefined> {
    return this.shown(await this.reader.current(type, id));
  }

  async version(type: string, id: string, version: number): Promise<Change | undefined> {
    return this.shown(await this.reader.version(type, id, version));
  }

  async history(scope: HistoryScope, options: HistoryOptions): Promise<HistoryPage> {
    const page = await this.reader.history(scope, options);
    return { ...page, versions: page.versions.map((version) => this.view.show(version)) };
  }

  async search(query: Query, options: SearchOptions): Promise<SearchPage> {
    const page = await this.reader.search(query, options);
    return { ...page, matches: page.matches.map((match) => this.view.show(match)) };
  }

  async searchSeveral(queries: readonly Query[], options: SearchOptions): Promise<SearchPage> {
    const page = await this.reader.searchSeveral(queries, options);
    return { ...page, matches: page.matches.map((match) => this.view.show(match)) };
  }

  async linked(wanted: WantedLinks, limit: number): Promise<FoundLinks> {
    const { named, versions, keyed, complete } = await this.reader.linked(wanted, limit);
    return {
      named: named.map((version) => this.view.show(version)),
      versions: versions.map((version) => this.view.show(version)),
      keyed: keyed.map(({ key, version }) => ({ key, version: this.view.show(version) })),
      complete,
    };
  }

  typesPresent(): Promise<string[]> {
    return this.reader.typesPresent();
  }

  findIds(query: Query, limit: number): Promise<string[]> {
    return this.reader.findIds(query, limit);
  }

  private shown(change: Change | undefined): Change | undefined {
    return change && this.view.show(change);
  }
}
