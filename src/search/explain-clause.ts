import { clauseHolds } from './clause-holds.js';
import type { Clause } from './query.js';
import type {
  DateValue,
  ExtractedValues,
  NumberValue,
  ParameterValues,
  QuantityValue,
  ReferenceValue,
  TokenValue,
} from './values.js';

export interface ClauseExplanation {
  held: boolean;
  /** The values of the parameter as a person would write them; of many only the first, and a count of the rest. */
  seen: readonly string[];
}

const MOST_SEEN = 5;
const LONGEST_SEEN = 120;

/** Whether a clause held and on what: for `$explain` and the operator, never for deciding. */
export function explainClause(clause: Clause, values: ExtractedValues): ClauseExplanation {
  const found = values.get(clause.parameter.code);
  const shown = found ? show(found) : [];
  const seen = shown.slice(0, MOST_SEEN).map((text) => (text.length > LONGEST_SEEN ? `${text.slice(0, LONGEST_SEEN)}…` : text));
  if (shown.length > MOST_SEEN) seen.push(`and ${shown.length - MOST_SEEN} more`);
  return { held: clauseHolds(clause, values), seen };
}

function show(found: ParameterValues): string[] {
  switch (found.type) {
    case 'token':
      return found.values.map(showToken);
    case 'reference':
      return found.values.map(showReference);
    case 'uri':
      return [...found.values];
    case 'string':
      return found.values.map(({ exact }) => exact);
    case 'date':
      return found.values.map(showDate);
    case 'number':
      return found.values.map(showNumber);
    case 'quantity':
      return found.values.map((value) => `${showNumber(value)} ${unitOf(value)}`.trim());
    case 'special':
      return found.values.map(({ latitude, longitude }) => `${latitude}|${longitude}`);
    case 'full-text':
      return found.values.map((words) => `${words.size} different words`);
    case 'composite':
      return found.values.map((parts) => parts.map((part) => show(part).join(' or ')).join(' $ '));
  }
}

function showToken({ system, code, text }: TokenValue): string {
  if (code === undefined && system === undefined) return `"${text ?? ''}"`;
  return system === undefined ? (code ?? '') : `${system}|${code ?? ''}`;
}

function showReference({ type, id, url, version, identifier }: ReferenceValue): string {
  if (type !== undefined) return `${type}/${id}${version === undefined ? '' : `/_history/${version}`}`;
  if (url !== undefined) return version === undefined ? url : `${url}|${version}`;
  return identifier ? `identifier ${showToken(identifier)}` : '';
}

function showDate({ low, high }: DateValue): string {
  return `${showMoment(low)} to ${showMoment(high)}`;
}

function showMoment(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : 'open';
}

function showNumber({ low, high }: NumberValue): string {
  return low === high ? String(low) : `${low} to ${high}`;
}

function unitOf({ code, unit }: QuantityValue): string {
  return code ?? unit ?? '';
}
