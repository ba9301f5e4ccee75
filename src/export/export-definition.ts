import type { Face } from '../fhir/change.js';

/** What is exported: everything, what concerns any Patient, or what concerns the members of a Group. */
export type ExportLevel = { kind: 'system' } | { kind: 'patient' } | { kind: 'group'; id: string };

/** An export as it was asked for, checked and complete; kept as JSON with its job. */
export interface ExportDefinition {
  face: Face;
  level: ExportLevel;
  /** Resource types, each once, in order. */
  types: readonly string[];
  /** `_typeFilter`: of a type named here, only what matches one of its queries. */
  filters: readonly { type: string; query: string }[];
  /** Only what changed after this instant, deletes included. ISO 8601. */
  since?: string;
}
