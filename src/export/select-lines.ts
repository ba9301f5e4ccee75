import { type Issue, operationOutcome } from '../fhir/fhir-error.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import type { ExportedVersion } from './export-source.js';

export const DELETED_FILE = 'deleted.ndjson';
export const ERROR_FILE = 'error.ndjson';
export const fileOfType = (type: string) => `${type}.ndjson`;

/** Lines for one file, each ending in a line feed. */
export interface ExportLines {
  file: string;
  text: string;
  lines: number;
}

export interface Selection {
  /** The type under which the resources are exported. */
  type: string;
  /** A stored text as it leaves the hub: secrets masked, in the form of the face. */
  shown: (id: string, body: string) => string;
  semantics: Pick<SearchSemantics, 'extract'>;
  /** Any of them has to hold; none: all do. */
  filters: readonly Query[];
  /** Undefined: every resource belongs. */
  belongs?: (id: string, values: ExtractedValues) => boolean;
  /** Told of a resource that could not be tested; its line is in the file of errors. */
  onError?: (id: string, error: unknown) => void;
}

/** What a page of resources puts into the files. The text of a resource is as it is stored, on one line. */
export function selectLines(page: readonly ExportedVersion[], selection: Selection): ExportLines[] {
  const resources: string[] = [];
  const deletes: string[] = [];
  const errors: string[] = [];
  for (const version of page) {
    if (version.at === undefined) continue;
    try {
      const state = version.body ?? version.before;
      if (state === null) continue;
      const shown = selection.shown(version.id, state);
      if (!isWanted(version.id, shown, selection)) continue;
      if (version.body === null) deletes.push(version.id);
      else resources.push(shown);
    } catch (error) {
      selection.onError?.(version.id, error);
      errors.push(JSON.stringify(operationOutcome([untestable(selection.type, version.id)])));
    }
  }
  const files = [
    linesOf(fileOfType(selection.type), resources),
    linesOf(DELETED_FILE, deletes.length === 0 ? [] : [deletionBundle(selection.type, deletes)]),
    linesOf(ERROR_FILE, errors),
  ];
  return files.filter(({ lines }) => lines > 0);
}

function isWanted(id: string, body: string, { type, semantics, filters, belongs }: Selection): boolean {
  if (filters.length === 0 && belongs === undefined) return true;
  const values = semantics.extract(type, JSON.parse(body));
  if (belongs !== undefined && !belongs(id, values)) return false;
  return filters.length === 0 || filters.some(({ clauses }) => clauses.every((clause) => clauseHolds(clause, values)));
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status, `deleted` */
function deletionBundle(type: string, ids: readonly string[]): string {
  const entry = ids.map((id) => ({ request: { method: 'DELETE', url: `${type}/${id}` } }));
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
}

function untestable(type: string, id: string): Issue {
  return { code: 'exception', diagnostics: `${type}/${id} could not be tested and was left out; the hub's log says why` };
}

function linesOf(file: string, lines: readonly string[]): ExportLines {
  return { file, text: lines.map((line) => `${line}\n`).join(''), lines: lines.length };
}
