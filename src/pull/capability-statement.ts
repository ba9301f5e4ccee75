import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceOperation,
  CapabilityStatementRestResourceSearchParam,
} from 'fhir/r4b.js';

import type { Face } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { isNear } from '../search/near.js';
import { FULL_TEXT, fullTextUrl } from '../search/search-definitions.js';
import type { SearchParameter } from '../search/values.js';
import { websocketUrlOf } from './binding-tokens.js';
import { OWN_OPERATIONS } from './operation-definitions.js';
import { standardOperationsOf, SYSTEM_OPERATIONS } from './standard-operations.js';

/** What the statement is made of: all of it facts of the running hub. */
export interface Capabilities {
  face: Face;
  publicUrl: string;
  /** FHIR base of the face. */
  base: string;
  /** Version of the hub. */
  version: string;
  /** When the hub started to work in this way. */
  date: Date;
  types: readonly string[];
  parametersOf(type: string): readonly SearchParameter[];
  /** Canonicals of the topics that can be subscribed to. */
  topics: readonly string[];
  /** How long a processed message is known again. */
  reliableCacheMinutes: number;
  /** Whether there are web pages that may read answers in a browser. */
  cors: boolean;
  /** Whether the operator named a mail server. */
  sendsMail: boolean;
  /** Whether references to resources of the hub have to lead somewhere. */
  enforcesReferences: boolean;
}

/** https://hl7.org/fhir/R4B/capabilitystatement.html of one face; states only what works. */
export function capabilityStatement(capabilities: Capabilities): CapabilityStatement {
  const { face, base, publicUrl, version, date, reliableCacheMinutes, sendsMail } = capabilities;
  const types = capabilities.types.filter((type) => isTypeOfFace(type, face));
  return {
    resourceType: 'CapabilityStatement',
    url: `${base}/metadata`,
    version,
    name: 'Carillon',
    title: 'Carillon, a subscription and notification hub',
    status: 'active',
    date: date.toISOString(),
    description:
      'Sources push changes here or are polled; destinations are notified of the changes they asked for, or pull. ' +
      `Channels: rest-hook, websocket, message${sendsMail ? ', email' : ''} and the live feed over Socket.IO; ` +
      'payloads: empty, id-only, full-resource.',
    kind: 'instance',
    instantiates: [
      `${BACKPORT}/CapabilityStatement/backport-subscription-server${face === 'r4' ? '-r4' : ''}`,
      'http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data',
    ],
    software: { name: 'Carillon', version },
    implementation: { description: 'Carillon', url: base },
    fhirVersion: face === 'r4' ? '4.0.1' : '4.3.0',
    format: ['application/fhir+json', 'json'],
    patchFormat: ['application/json-patch+json', 'application/fhir+json'],
    rest: [
      {
        extension: [
          {
            url: 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket',
            valueUri: websocketUrlOf(publicUrl),
          },
        ],
        mode: 'server',
        security: { cors: capabilities.cors },
        resource: types.map((type) => resourceOf(type, capabilities)),
        interaction: [{ code: 'transaction' }, { code: 'batch' }, { code: 'search-system' }, { code: 'history-system' }],
        compartment: COMPARTMENTS,
        operation: [
          ...SYSTEM_OPERATIONS,
          { name: 'process-message', definition: 'http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message' },
          { name: 'fire-event', definition: 'https://carillon.example/fhir/OperationDefinition/fire-event' },
        ],
      },
    ],
    messaging: [
      {
        endpoint: [
          {
            protocol: { system: 'http://terminology.hl7.org/CodeSystem/message-transport', code: 'http' },
            address: `${base}/$process-message`,
          },
        ],
        reliableCache: reliableCacheMinutes,
        documentation:
          'Messages of any event are taken in by $process-message and answered in the same exchange: their content is stored as one ' +
          'transaction, and topics with an eventTrigger for the event notify of its focus.',
      },
    ],
  };
}

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport';

const COMPARTMENTS = ['device', 'encounter', 'patient', 'practitioner', 'relatedPerson'].map(
  (name) => `http://hl7.org/fhir/CompartmentDefinition/${name}`,
);

const TOPICS_AS_BASIC =
  'SubscriptionTopics are shown as Basic with the code http://hl7.org/fhir/fhir-types|SubscriptionTopic. In that form they are read-only.';

const INTERACTIONS = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'history-type',
  'create',
  'search-type',
] as const;

const BACKPORT_OPERATIONS = ['status', 'events', 'get-ws-binding-token', 'resend'].map((name) => ({
  name,
  definition: `${BACKPORT}/OperationDefinition/backport-subscription-${name}`,
}));

function resourceOf(type: string, capabilities: Capabilities): CapabilityStatementRestResource {
  return {
    ...(type === 'Subscription' ? subscriptionExtensions(capabilities) : {}),
    type: type as CapabilityStatementRestResource['type'],
    ...(type === 'Subscription' ? { supportedProfile: [`${BACKPORT}/StructureDefinition/backport-subscription`] } : {}),
    ...(type === 'Basic' && capabilities.face === 'r4' ? { documentation: TOPICS_AS_BASIC } : {}),
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete: 'single',
    referencePolicy: ['literal', 'logical', ...(capabilities.enforcesReferences ? (['enforced'] as const) : [])],
    searchInclude: ['*', ...referencesOf(type, capabilities).map(({ code }) => `${type}:${code}`)],
    searchRevInclude: ['*', ...referringTo(type, capabilities)],
    searchParam: [...capabilities.parametersOf(type).filter(isSearchable).map(searchParamOf), ...FULL_TEXT_PARAMETERS],
    operation: [...standardOperationsOf(type), ...(type === 'Subscription' ? BACKPORT_OPERATIONS : []), ...ownOperationsOf(type)],
  };
}

function ownOperationsOf(type: string): CapabilityStatementRestResourceOperation[] {
  return OWN_OPERATIONS.filter(({ resource }) => (resource as readonly string[] | undefined)?.includes(type)).map(
    ({ code, url = '' }) => ({ name: code, definition: url }),
  );
}

/** In R4 a client finds out here which topics there are; R4B has a resource for them. */
function subscriptionExtensions({ face, topics }: Capabilities): Partial<Pick<CapabilityStatementRestResource, 'extension'>> {
  if (face !== 'r4' || topics.length === 0) return {};
  const url = `${BACKPORT}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical`;
  return { extension: topics.map((topic) => ({ url, valueCanonical: topic })) };
}

function isSearchable(parameter: SearchParameter): boolean {
  return (parameter.type !== 'special' || isNear(parameter)) && parameter.expression !== '';
}

function referencesOf(type: string, { parametersOf }: Capabilities): SearchParameter[] {
  return parametersOf(type).filter((parameter) => parameter.type === 'reference' && isSearchable(parameter));
}

/** Parameters that name the type among those they lead to. Those that may lead to any type are left to `*`. */
function referringTo(type: string, capabilities: Capabilities): string[] {
  const types = capabilities.types.filter((each) => isTypeOfFace(each, capabilities.face));
  return types.flatMap((source) =>
    referencesOf(source, capabilities)
      .filter(({ targets }) => targets.length < MOST_NAMED && targets.includes(type))
      .map(({ code }) => `${source}:${code}`),
  );
}

const MOST_NAMED = 100;

const FULL_TEXT_PARAMETERS: CapabilityStatementRestResourceSearchParam[] = FULL_TEXT.map((code) => ({
  name: code,
  definition: fullTextUrl(code),
  type: 'string',
}));

function searchParamOf({ code, url, type }: SearchParameter): CapabilityStatementRestResourceSearchParam {
  return { name: code, definition: url, type };
}
