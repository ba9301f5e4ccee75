import type { Change, Interaction } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { JsonObject } from '../fhir/json-object.js';
import { isFhirId } from '../fhir/references.js';
import { validateResource } from '../fhir/validate-resource.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { TopicChange } from '../topics/compile-topic.js';
import { resourceState } from '../topics/resource-state.js';
import type { ResourceReader } from './resource-reader.js';

/** What is asked about: a resource as given, or a reference to a stored one; for an update maybe the state before. */
export interface AskedChange {
  resource?: JsonObject;
  reference?: string;
  previous?: JsonObject;
  interaction?: string;
}

/**
 * Makes a change of what is asked about. A reference means the stored version as it came about; a resource given is taken for an update
 * where there is a previous state and for a create where there is none. `interaction` says otherwise; an update then is one of what is
 * stored under the same id, a delete one of the resource given or stored.
 * @throws FhirError 400, 404, 410, 422
 */
export async function explainedChange(
  asked: AskedChange,
  reader: ResourceReader,
  semantics: SearchSemantics,
): Promise<{ change: TopicChange; focus?: string }> {
  const interaction = interactionOf(asked.interaction);
  if ((asked.resource === undefined) === (asked.reference === undefined))
    throw new FhirError('required', 'Name either a resource or a reference to a stored one', 'resource');
  for (const [name, given] of Object.entries({ resource: asked.resource, previous: asked.previous })) {
    if (given !== undefined) check(name, given, semantics);
  }
  const { resource, reference, previous } = asked;
  if (previous !== undefined && resource !== undefined && previous['resourceType'] !== resource['resourceType'])
    throw new FhirError('value', 'previous is a state of the same resource', 'previous');
  const stored = (change: Change | undefined) =>
    change?.body == null ? undefined : stateOf(JSON.parse(change.body) as JsonObject, semantics, change);
  const given = (value: JsonObject | undefined) => value && stateOf(value, semantics);

  if (reference !== undefined) {
    const change = await storedChange(reference, reader, semantics);
    const focus = `${change.type}/${change.id}/_history/${change.version}`;
    const before = async () => (change.version > 1 ? reader.version(change.type, change.id, change.version - 1) : undefined);
    if (interaction === 'delete' && change.body !== null)
      return { focus, change: { type: change.type, interaction, previous: stored(change) } };
    if (change.body === null)
      return { focus, change: { type: change.type, interaction: 'delete', previous: given(previous) ?? stored(await before()) } };
    const as = interaction ?? change.interaction;
    const old = as === 'create' ? undefined : (given(previous) ?? stored(await before()));
    return { focus, change: { type: change.type, interaction: as, previous: old, current: stored(change) } };
  }
  const type = String(resource!['resourceType']);
  const as = interaction ?? (previous === undefined ? 'create' : 'update');
  if (as === 'delete') return { change: { type, interaction: as, previous: given(previous) ?? given(resource) } };
  const id = resource!['id'];
  const old =
    as === 'create'
      ? undefined
      : (given(previous) ?? (typeof id === 'string' ? stored(await reader.current(type, id)) : undefined));
  return { change: { type, interaction: as, previous: old, current: given(resource) } };
}

function interactionOf(text: string | undefined): Interaction | undefined {
  if (text === undefined || text === 'create' || text === 'update' || text === 'delete') return text;
  throw new FhirError('value', `interaction is create, update or delete, not "${text.slice(0, 50)}"`, 'interaction');
}

function check(name: string, resource: JsonObject, semantics: SearchSemantics): void {
  if (!semantics.definitions.isResourceType(String(resource['resourceType'])))
    throw new FhirError('value', `${name} is no resource of FHIR R4B`, name);
  const [first, ...rest] = validateResource(resource);
  if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
}

function stateOf(resource: JsonObject, semantics: SearchSemantics, stored?: Change) {
  const id = stored?.id ?? (typeof resource['id'] === 'string' ? resource['id'] : undefined);
  const identity = id === undefined ? undefined : { id, lastUpdated: stored?.at ?? new Date() };
  return resourceState(String(resource['resourceType']), resource, semantics, identity);
}

async function storedChange(reference: string, reader: ResourceReader, semantics: SearchSemantics): Promise<Change> {
  const base = semantics.bases.find((candidate) => reference.startsWith(`${candidate}/`));
  const local = base === undefined ? reference : reference.slice(base.length + 1);
  const [, type = '', id = '', version] = /^([A-Za-z]+)\/([^/]+)(?:\/_history\/([1-9]\d{0,8}))?$/.exec(local) ?? [];
  if (!semantics.definitions.isResourceType(type) || !isFhirId(id))
    throw new FhirError('value', `"${reference.slice(0, 200)}" is no reference to a resource of this hub`, 'reference');
  const change = version === undefined ? await reader.current(type, id) : await reader.version(type, id, Number(version));
  if (change === undefined) throw new FhirError('not-found', `There is no ${local}`, 'reference');
  return change;
}
