import { randomUUID } from 'node:crypto';
import type { Change, Face } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { parseJson } from '../fhir/json-text.js';
import { parseReference } from '../fhir/references.js';
import { mayHoldSecrets } from '../secrets/secret-places.js';
import { maskSecrets } from '../secrets/vault.js';
import type { FaceReader } from './face-reader.js';
import { referencePlaces } from './reference-places.js';
import type { ResourceWrites } from './resource-writes.js';

/** A document, and the Bundle it was stored as where that was asked for. */
export interface ComposedDocument {
  text: string;
  stored?: Change;
}

/**
 * A document made of a Composition: the Composition first, then every resource that it refers to directly, each once, in the order of
 * the references. What it only relates to (`relatesTo`) are other documents. https://hl7.org/fhir/R4B/documents.html#content
 */
export class Documents {
  constructor(
    private readonly reader: FaceReader,
    private readonly writes: ResourceWrites,
    private readonly bases: readonly string[],
  ) {}

  /** @throws FhirError 404, 410; 422 naming each reference that leads to nothing the hub has */
  async of(face: Face, base: string, id: string, persist: boolean): Promise<ComposedDocument> {
    const composition = await this.reader.current(face, 'Composition', id);
    if (composition === undefined) throw new FhirError('not-found', `There is no Composition/${id}`);
    if (composition.body === null)
      throw new FhirError('deleted', `Composition/${id} was deleted at ${composition.at.toISOString()}`);
    const text = documentText(base, [composition, ...(await this.referredTo(face, composition))]);
    if (!persist) return { text };
    const stored = await this.writes.create(face, 'Bundle', parseJson(text));
    return { text: stored.body ?? text, stored };
  }

  private async referredTo(face: Face, composition: Change): Promise<Change[]> {
    const { relatesTo: _, ...value } = JSON.parse(composition.body ?? '{}') as Record<string, unknown>;
    const references = [...referencePlaces(value, 'Composition')].filter(([text]) => !text.startsWith('#'));
    const found = new Map<string, Change>();
    const issues: Issue[] = [];
    for (const [text, place] of references) {
      const resource = await this.resolve(face, text);
      if (resource?.body == null) issues.push(missing(text, place));
      else found.set(`${resource.type}/${resource.id}/${resource.version}`, resource);
    }
    const [first, ...rest] = issues;
    if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
    found.delete(`Composition/${composition.id}/${composition.version}`);
    return [...found.values()];
  }

  private async resolve(face: Face, text: string): Promise<Change | undefined> {
    const reference = parseReference(text, this.bases);
    if (reference.kind !== 'local' || !isTypeOfFace(reference.type, face)) return undefined;
    const { type, id, version } = reference;
    if (version === undefined) return this.reader.current(face, type, id);
    return /^[1-9]\d{0,8}$/.test(version) ? this.reader.version(face, type, id, Number(version)) : undefined;
  }
}

function missing(text: string, place: string): Issue {
  return {
    code: 'not-found',
    diagnostics: `A document holds all that its Composition refers to, but ${text.slice(0, 300)} is no resource of this server`,
    expression: place,
  };
}

function documentText(base: string, resources: readonly Change[]): string {
  const identifier = { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` };
  const head = `"resourceType":"Bundle","identifier":${JSON.stringify(identifier)},"type":"document"`;
  const entries = resources.map(
    ({ type, id, body }) => `{"fullUrl":${JSON.stringify(`${base}/${type}/${id}`)},"resource":${bodyOf(type, body ?? '')}}`,
  );
  return `{${head},"timestamp":"${new Date().toISOString()}","entry":[${entries.join(',')}]}`;
}

/** A document is handed on, so it holds no secret. */
function bodyOf(type: string, body: string): string {
  return mayHoldSecrets(type) ? maskSecrets(type, body) : body;
}
