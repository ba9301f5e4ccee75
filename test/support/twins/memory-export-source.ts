import {
  type CandidatesAsked,
  type ExportBounds,
  type ExportedVersion,
  ExportSource,
} from '../../../src/export/export-source.js';

export interface StoredState {
  type: string;
  id: string;
  version: number;
  at: Date;
  body: string | null;
}

/** What is stored, as a list of all versions. */
export class MemoryExportSource extends ExportSource {
  constructor(
    readonly versions: StoredState[],
    private readonly limits: { resources: number; bytes: number },
    private readonly keysOf: (type: string, body: string) => readonly number[] = () => [],
  ) {
    super();
  }

  async page(type: string, after: string, { until, since }: ExportBounds, only?: readonly string[]): Promise<ExportedVersion[]> {
    const walked = this.versions.filter((one) => one.type === type && one.id > after && (only?.includes(one.id) ?? true));
    const ids = [...new Set(walked.map(({ id }) => id))].sort();
    const page: ExportedVersion[] = [];
    let bytes = 0;
    for (const id of ids.slice(0, this.limits.resources)) {
      const newest = this.newest(type, id, until);
      const wanted = newest !== undefined && (since === undefined ? newest.body !== null : newest.at.getTime() > since.getTime());
      const before = this.versions.find(
        (one) => one.type === type && one.id === id && one.version === (newest?.version ?? 0) - 1,
      );
      const version: ExportedVersion = wanted
        ? { id, at: newest.at, body: newest.body, before: newest.body === null ? (before?.body ?? null) : null }
        : { id, body: null, before: null };
      bytes += Buffer.byteLength(version.body ?? version.before ?? '');
      if (page.length > 0 && bytes > this.limits.bytes) break;
      page.push(version);
    }
    return page;
  }

  async candidates(type: string, { keys, ids, after, most }: CandidatesAsked): Promise<string[] | undefined> {
    const found = this.versions.filter((one) => {
      const isNewest = !this.versions.some((other) => other.type === type && other.id === one.id && other.version > one.version);
      const holds = isNewest && one.body !== null && this.keysOf(type, one.body).some((key) => keys.includes(key));
      return one.type === type && (holds || ids.includes(one.id) || one.at.getTime() > after.getTime());
    });
    const names = [...new Set(found.map(({ id }) => id))].sort();
    return names.length > most ? undefined : names;
  }

  async bodyAt(type: string, id: string, until: Date): Promise<string | null | undefined> {
    return this.newest(type, id, until)?.body;
  }

  private newest(type: string, id: string, until: Date): StoredState | undefined {
    return this.versions
      .filter((one) => one.type === type && one.id === id && one.at.getTime() <= until.getTime())
      .sort((a, b) => b.version - a.version)[0];
  }
}
