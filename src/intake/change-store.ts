import type { Change, CodedEvent, Face } from '../fhir/change.js';
import type { OwnReference } from '../fhir/own-references.js';

/** A resource that was checked and is ready to be stored. */
export interface ResourceToStore {
  type: string;
  id: string;
  /** Minified exact JSON text as received, with whatever `id` and `meta` the client wrote (the store puts in its own). */
  text: string;
  /** The same, parsed (numbers as JavaScript numbers); never written back. */
  value: Record<string, unknown>;
  /** Set where the text holds sealed secrets. */
  sealed?: {
    /** The key they are all sealed under. */
    keyId: string;
    /** Whether a stored text says the same; sealed texts by themselves never do. */
    sameAs: (stored: string) => boolean;
  };
}

/** One write of a unit. `current` is the version the unit's own logic was decided on, where it was. */
export type Write =
  | {
      kind: 'create';
      resource: ResourceToStore;
      method: 'POST' | 'PUT';
      /** The resource records a coded event. */
      event?: CodedEvent;
    }
  | {
      kind: 'put';
      resource: ResourceToStore;
      method: 'PUT' | 'PATCH';
      /** Version of `If-Match`; another current version is a 412. */
      ifMatch?: number;
      /** `If-None-Match: *`: an existing resource is a 412. */
      ifNoneMatchAny?: boolean;
      /** The resource records a coded event: it becomes a version even where its content is not new. */
      event?: CodedEvent;
    }
  | { kind: 'delete'; type: string; id: string; ifMatch?: number };

/**
 * What came of one write. `unchanged`: the content equals the current version's, so no version and no event was made;
 * `change` is then that current version. `absent`: a delete of what was not there or already deleted.
 */
export type WriteOutcome =
  { kind: 'stored'; change: Change } | { kind: 'unchanged'; change: Change } | { kind: 'absent'; type: string; id: string };

/** Writes that succeed or fail together: one request, or one transaction Bundle, or one page of a polled source. */
export interface WriteUnit {
  face: Face;
  writes: readonly Write[];
  /** For a polled source: moved in the same transaction. */
  watermark?: SourceWatermark;
  /** Some of its resources hold sealed secrets; their keys are noted in the same transaction. */
  sealed?: boolean;
  /** For a message: its answer, kept in the same transaction. */
  message?: ProcessedMessage;
  /**
   * Where references have to lead somewhere: all those of its writes to resources of this hub. The unit is refused where one of them would
   * dangle afterwards, or where a resource that it deletes is still referred to.
   */
  references?: readonly WrittenReference[];
}

/** A reference that a unit stores, and the place of the write that does. */
export interface WrittenReference extends OwnReference {
  write: number;
}

/** A message that was processed, by the ids its sender gave it, and what it was answered. */
export interface ProcessedMessage {
  /** `MessageHeader.source.endpoint`. */
  source: string;
  messageId: string;
  /** '' where the Bundle bears none. */
  envelopeId: string;
  response: string;
}

export interface SourceWatermark {
  endpointId: string;
  since: Date | null;
  seen: readonly string[];
}

/**
 * The door into the change log. A unit's outcome is known only after its commit is durable. Units of concurrent requests may share one
 * database transaction; each still succeeds or fails on its own.
 * @throws FhirError 412 (If-Match, If-None-Match), 409 (the same resource twice in a unit, lost race that stays lost, a resource to delete
 * is referred to), 422 (dangling references)
 */
export abstract class ChangeStore {
  abstract write(unit: WriteUnit): Promise<WriteOutcome[]>;
}
