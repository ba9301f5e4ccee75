import { FhirError } from '../fhir/fhir-error.js';
import type { Link, LinkedQuery } from './query.js';
import type { SearchDefinitions } from './search-definitions.js';

/** What reading a link needs of the parser around it. */
export interface LinkParsing {
  definitions: SearchDefinitions;
  /** Hears of each query at the other end of a link. @throws FhirError 400 where there are too many */
  onLinkedQuery(): void;
  /** Reads one `name=value` as a condition on resources of `type`, which may be a link again; undefined: left out. @throws FhirError 400 */
  read(type: string, name: string, value: string): LinkedQuery | undefined;
}

const LIST = '_list';
const HAS = /^_has:([^:.]*):([^:.]*):(.+)$/;
/** `subject.name`, `subject:Patient.name:exact`, `subject:Patient.organization.name`, `subject:Patient._has:…`. */
const CHAIN = /^([^:.]+)(?::([^:.]*))?\.(.*)$/;

/** Whether a parameter of this name looks at other resources. */
export function readsAsLink(name: string): boolean {
  return name === LIST || name === '_has' || name.startsWith('_has:') || CHAIN.test(name);
}

/**
 * A chain, `_has` or `_list`. What is unknown to the definitions is told as `unknown`, so that lenient handling may leave it out.
 * @throws FhirError 400 for what is known and cannot be read
 */
export function parseLink(type: string, name: string, value: string, parsing: LinkParsing): Link | { unknown: string } {
  if (name === LIST) return parseList(type, value, parsing);
  if (name === '_has' || name.startsWith('_has:')) return parseHas(type, name, value, parsing);
  return parseChain(type, name, value, parsing);
}

/** The members of a List are what its items refer to. https://hl7.org/fhir/R4B/search.html#list */
function parseList(type: string, value: string, parsing: LinkParsing): Link | { unknown: string } {
  // A condition that is known and cannot be met: leaving it out would answer another question.
  if (value.startsWith('$'))
    throw new FhirError('not-supported', `parameter '${LIST}': ${value.slice(0, 60)} is no list of this server`, LIST);
  return parseHas(type, '_has:List:item:_id', value, parsing);
}

function parseHas(type: string, name: string, value: string, parsing: LinkParsing): Link | { unknown: string } {
  const [, source = '', code = '', rest = ''] = HAS.exec(name) ?? [];
  if (rest === '') throw malformed(name, '_has:Type:parameter:condition');
  if (!parsing.definitions.isResourceType(source)) return { unknown: `: there is no resource type '${source.slice(0, 60)}'` };
  const parameter = parsing.definitions.find(source, code);
  if (parameter === undefined) return { unknown: `: ${source} has no parameter '${code.slice(0, 60)}'` };
  if (parameter.type !== 'reference' || !parameter.targets.includes(type))
    throw new FhirError('invalid', `parameter '${shown(name)}': '${code}' of ${source} does not lead to ${type}`, shown(name));
  const linked = readLinked([source], rest, value, parsing);
  if (!Array.isArray(linked)) return linked;
  return { kind: 'has', parameter, source: linked[0] as LinkedQuery };
}

function parseChain(type: string, name: string, value: string, parsing: LinkParsing): Link | { unknown: string } {
  const [, code = '', named, rest = ''] = CHAIN.exec(name) ?? [];
  if (rest === '') throw malformed(name, 'parameter.condition or parameter:Type.condition');
  const parameter = parsing.definitions.find(type, code);
  if (parameter === undefined) return { unknown: `is unknown for ${type}` };
  if (parameter.type !== 'reference')
    throw new FhirError(
      'invalid',
      `parameter '${shown(name)}': '${code}' of ${type} is no reference, so it begins no chain`,
      shown(name),
    );
  if (named !== undefined && !parameter.targets.includes(named))
    throw new FhirError('invalid', `parameter '${shown(name)}': '${code}' does not lead to ${named.slice(0, 60)}`, shown(name));
  const types = named === undefined ? parameter.targets : [named];
  const targets = readLinked(types, rest, value, parsing);
  return Array.isArray(targets) ? { kind: 'chain', parameter, targets } : targets;
}

/** The condition for each type that knows it; if it cannot be read for any of them, why not. */
function readLinked(
  types: readonly string[],
  rest: string,
  value: string,
  parsing: LinkParsing,
): LinkedQuery[] | { unknown: string } {
  const knowing = types.filter((type) => mayBegin(type, rest, parsing.definitions));
  const read: LinkedQuery[] = [];
  let refusal: unknown;
  for (const type of knowing) {
    parsing.onLinkedQuery();
    try {
      const query = parsing.read(type, rest, value);
      if (query) read.push(query);
    } catch (error) {
      // Another type may know the parameter in another way: only what no type can read is refused.
      if (!(error instanceof FhirError) || UNANSWERED.has(error.issues[0]?.code)) throw error;
      refusal ??= error;
    }
  }
  if (read.length > 0) return read;
  if (refusal !== undefined) throw refusal;
  const [only] = types;
  return { unknown: types.length === 1 ? `: ${only ?? ''} has no such parameter` : ': no type it leads to has such a parameter' };
}

/** Refusals that no other type makes up for. */
const UNANSWERED = new Set<string | undefined>(['too-costly', 'transient']);

/** Whether the type knows the first parameter of a condition. */
function mayBegin(type: string, rest: string, definitions: SearchDefinitions): boolean {
  if (rest === LIST || rest.startsWith('_has:')) return true;
  const [code = ''] = rest.split(/[:.]/, 1);
  return definitions.find(type, code) !== undefined;
}

function malformed(name: string, form: string): FhirError {
  return new FhirError('invalid', `parameter '${shown(name)}' does not have the form ${form}`, shown(name));
}

const shown = (name: string) => name.slice(0, 100);
