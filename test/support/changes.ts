import type { Change, Face } from '../../src/fhir/change.js';

/** A change log in a test's hands: gives every change the next place and every resource its next version. */
export class ChangeMaker {
  private seq = 0n;
  private readonly versions = new Map<string, number>();

  put(resource: { resourceType: string; id: string; [element: string]: unknown }, face: Face = 'r4b'): Change {
    const { resourceType: type, id } = resource;
    const version = this.nextVersion(type, id);
    const at = new Date(1_700_000_000_000 + Number(this.seq));
    const body = JSON.stringify({ ...resource, meta: { versionId: String(version), lastUpdated: at.toISOString() } });
    return this.change(type, id, version, version === 1 ? 'create' : 'update', face, at, body);
  }

  remove(type: string, id: string, face: Face = 'r4b'): Change {
    return this.change(
      type,
      id,
      this.nextVersion(type, id),
      'delete',
      face,
      new Date(1_700_000_000_000 + Number(this.seq)),
      null,
    );
  }

  private nextVersion(type: string, id: string): number {
    const version = (this.versions.get(`${type}/${id}`) ?? 0) + 1;
    this.versions.set(`${type}/${id}`, version);
    return version;
  }

  private change(
    type: string,
    id: string,
    version: number,
    interaction: Change['interaction'],
    face: Face,
    at: Date,
    body: string | null,
  ): Change {
    this.seq++;
    const method = interaction === 'create' ? 'POST' : interaction === 'update' ? 'PUT' : 'DELETE';
    return { position: { epoch: 1, xid: this.seq, seq: this.seq }, type, id, version, interaction, method, at, face, body };
  }
}
