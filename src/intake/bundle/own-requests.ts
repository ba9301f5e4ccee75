import type { Face } from '../../fhir/change.js';

export interface OwnRequest {
  face: Face;
  method: string;
  /** Relative to the base of the face, without a slash in front. */
  url: string;
  headers: Record<string, string>;
  body?: string | Buffer;
}

export interface OwnAnswer {
  status: number;
  headers: { location?: string; etag?: string; lastModified?: string };
  body: string;
}

/** Serves a request to the hub itself, as if it had come alone: an entry of a batch, a read inside a transaction. */
export abstract class OwnRequests {
  abstract serve(request: OwnRequest): Promise<OwnAnswer>;
}
