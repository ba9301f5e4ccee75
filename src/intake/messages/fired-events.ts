import { randomUUID } from 'node:crypto';
import type { CodedEvent, Face } from '../../fhir/change.js';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ChangeStore } from '../change-store.js';
import type { MatchingResources } from '../matching-resources.js';
import { eventFocus } from './event-focus.js';

interface Parameter {
  name: string;
  valueCoding?: { system?: string; code?: string };
  valueReference?: { reference?: string };
}

/** Events of systems that send no messages. Each is recorded as a MessageHeader, as those of messages are. */
export class FiredEvents {
  constructor(
    private readonly store: ChangeStore,
    private readonly resources: MatchingResources,
    private readonly addresses: { bases: readonly string[]; baseOf: (face: Face) => string },
  ) {}

  /** Returns the id of the MessageHeader. @throws FhirError 400, 422 naming the parameter */
  async fire(face: Face, parameters: Record<string, unknown>): Promise<string> {
    const list = (parameters.parameter ?? []) as Parameter[];
    const eventCoding = eventOf(list);
    const foci = list.flatMap((parameter, index) => (parameter.name === 'focus' ? [{ parameter, index }] : []));
    if (foci.length === 0) throw new FhirError('required', 'An event is about something: name a focus', 'Parameters.parameter');
    const focus = await eventFocus(
      foci.map(({ parameter }) => parameter.valueReference),
      (index) => `Parameters.parameter[${foci[index]!.index}]`,
      { written: new Set(), resources: this.resources, bases: this.addresses.bases },
    );
    const { system, code } = eventCoding;
    const event: CodedEvent = { codings: [{ ...(system === undefined ? {} : { system }), code }], focus };
    const id = randomUUID();
    const value = {
      resourceType: 'MessageHeader',
      eventCoding,
      source: { name: 'Carillon', endpoint: this.addresses.baseOf(face) },
      focus: focus.map((resource) => ({ reference: `${resource.type}/${resource.id}` })),
    };
    const resource = { type: 'MessageHeader', id, text: JSON.stringify(value), value };
    await this.store.write({ face, writes: [{ kind: 'create', resource, method: 'POST', event }] });
    return id;
  }
}

function eventOf(list: readonly Parameter[]): { system?: string; code: string } {
  for (const [index, { name }] of list.entries()) {
    if (name !== 'event' && name !== 'focus')
      throw new FhirError('not-supported', `$fire-event takes event and focus, not "${name}"`, `Parameters.parameter[${index}]`);
  }
  const events = list.filter(({ name }) => name === 'event');
  const coding = events[0]?.valueCoding;
  if (events.length !== 1 || coding?.code === undefined)
    throw new FhirError('required', 'Name one event, as a Coding with a code', 'Parameters.parameter');
  return { ...coding, code: coding.code };
}
