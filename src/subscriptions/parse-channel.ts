import type { Face } from '../fhir/change.js';
import { endpointProblem } from './endpoint-problem.js';
import { parseHeader } from './parse-header.js';
import { refused } from './refused.js';
import type { ChannelDefinition, ChannelType, ContentLevel } from './subscription-definition.js';

type Json = Record<string, unknown>;

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const CHANNEL_TYPE = `${BACKPORT}channel-type`;
export const PAYLOAD_CONTENT = `${BACKPORT}payload-content`;
const HEARTBEAT_PERIOD = `${BACKPORT}heartbeat-period`;
const TIMEOUT = `${BACKPORT}timeout`;
const MAX_COUNT = `${BACKPORT}max-count`;

/** The hub's own channel over Socket.IO. */
const OWN_CHANNELS = 'https://carillon.example/fhir/CodeSystem/channel-type';
const STANDARD_CHANNELS: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/subscription-channel-type',
  'http://terminology.hl7.org/CodeSystem/subscription-channel-type',
]);

const CONTENT_LEVELS: ReadonlySet<string> = new Set(['empty', 'id-only', 'full-resource']);
const FHIR_VERSIONS: Record<Face, ReadonlySet<string>> = { r4b: new Set(['4.3', '4.3.0']), r4: new Set(['4.0', '4.0.1']) };

const PATH = 'Subscription.channel';

/**
 * Reads `Subscription.channel` of a Subscription made through `face`. Classic and topic-based ones differ in what they must and must not say.
 * @throws FhirError 422 naming the element
 */
export function parseChannel(subscription: Json, kind: 'classic' | 'topic', face: Face): ChannelDefinition {
  const channel = objectOf(subscription.channel);
  refuseModifierExtensions(channel);
  const type = channelType(channel);
  const payload = textOf(channel.payload);
  const content = contentLevel(channel);
  if (kind === 'classic' && content !== undefined)
    throw refused(
      `${PATH}.payload.extension`,
      'Criteria that are a search take no payload content level; a topic-based Subscription names its topic in criteria.',
    );
  if (kind === 'topic' && payload === undefined)
    throw refused(`${PATH}.payload`, 'A topic-based Subscription says in channel.payload how its notifications are encoded.');
  if (kind === 'topic' && content === undefined)
    throw refused(
      `${PATH}.payload`,
      'A topic-based Subscription says in the payload-content extension how much its notifications carry.',
    );
  if (payload !== undefined) checkMimeType(payload, face);
  return {
    type,
    endpoint: endpoint(channel, type),
    headers: headers(channel),
    payload,
    content,
    ...channelExtensions(channel, kind),
  };
}

function channelType(channel: Json): ChannelType {
  const code = textOf(channel.type) ?? '';
  const [custom, ...more] = knownExtensions(channel._type, [CHANNEL_TYPE], `${PATH}.type`);
  if (more.length > 0) throw refused(`${PATH}.type.extension`, 'A Subscription has one channel type.');
  if (custom !== undefined) {
    const coding = objectOf(custom.valueCoding);
    const system = textOf(coding.system);
    const name = textOf(coding.code) ?? '';
    if (system === OWN_CHANNELS && name === 'live') {
      if (code !== 'websocket')
        throw refused(`${PATH}.type`, 'The live channel is asked for with the channel type websocket and the extension.');
      return 'live';
    }
    if (system === undefined || !STANDARD_CHANNELS.has(system) || name !== code)
      throw refused(`${PATH}.type.extension`, `The hub has no channel "${system ?? ''}|${name}".`, 'not-supported');
  }
  if (code === 'rest-hook' || code === 'websocket') return code;
  throw refused(
    `${PATH}.type`,
    `The hub does not send by ${code || 'this channel'} in this release; it sends by rest-hook, websocket and its live feed.`,
    'not-supported',
  );
}

function contentLevel(channel: Json): ContentLevel | undefined {
  const [level, ...more] = knownExtensions(channel._payload, [PAYLOAD_CONTENT], `${PATH}.payload`);
  if (level === undefined) return undefined;
  const code = textOf(level.valueCode) ?? '';
  if (more.length > 0 || !CONTENT_LEVELS.has(code))
    throw refused(`${PATH}.payload.extension`, `The content level must be empty, id-only or full-resource, not "${code}".`);
  return code as ContentLevel;
}

function checkMimeType(payload: string, face: Face): void {
  const [type = '', ...parameters] = payload.split(';').map((part) => part.trim());
  if (!['application/fhir+json', 'application/json'].includes(type.toLowerCase()))
    throw refused(`${PATH}.payload`, `The hub sends application/fhir+json, not "${payload}".`, 'not-supported');
  for (const parameter of parameters) {
    const [name = '', quoted = ''] = parameter.split('=').map((part) => part.trim());
    const value = quoted.replace(/^"(.*)"$/, '$1').toLowerCase();
    if (name.toLowerCase() === 'fhirversion' && FHIR_VERSIONS[face].has(value)) continue;
    if (name.toLowerCase() === 'charset' && value === 'utf-8') continue;
    throw refused(
      `${PATH}.payload`,
      name.toLowerCase() === 'fhirversion'
        ? `A Subscription made through this base is notified in FHIR ${[...FHIR_VERSIONS[face]].join(' or ')}, not ${quoted}.`
        : `The hub cannot honour the parameter "${parameter}" of the payload.`,
      'not-supported',
    );
  }
}

function endpoint(channel: Json, type: ChannelType): string | undefined {
  const url = textOf(channel.endpoint);
  if (type !== 'rest-hook') {
    if (url !== undefined && !/^(wss?|https?):/i.test(url))
      throw refused(`${PATH}.endpoint`, `"${url}" is no endpoint of a websocket; leave it out, the hub says where to connect.`);
    return undefined;
  }
  if (url === undefined) throw refused(`${PATH}.endpoint`, 'A rest-hook needs an endpoint.');
  const problem = endpointProblem(url);
  if (problem !== undefined) throw refused(`${PATH}.endpoint`, problem);
  return url;
}

function headers(channel: Json): (readonly [string, string])[] {
  const lines = Array.isArray(channel.header) ? channel.header : [];
  return lines.map((line: unknown, index) => {
    const parsed = typeof line === 'string' ? parseHeader(line) : 'A header is a text.';
    if (typeof parsed === 'string') throw refused(`${PATH}.header[${index}]`, parsed);
    return parsed;
  });
}

function channelExtensions(
  channel: Json,
  kind: 'classic' | 'topic',
): Pick<ChannelDefinition, 'heartbeatSeconds' | 'timeoutSeconds' | 'maxCount'> {
  const extensions = knownExtensions(channel, [HEARTBEAT_PERIOD, TIMEOUT, MAX_COUNT], PATH);
  if (kind === 'classic' && extensions.length > 0)
    throw refused(`${PATH}.extension`, 'Heartbeats, time-outs and counts belong to topic-based Subscriptions.');
  const numberOf = (url: string, element: 'valueUnsignedInt' | 'valuePositiveInt'): number | undefined => {
    const [extension, ...more] = extensions.filter((candidate) => candidate.url === url);
    if (extension === undefined) return undefined;
    const value = extension[element];
    const least = element === 'valuePositiveInt' ? 1 : 0;
    if (more.length > 0 || typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 2_147_483_647)
      throw refused(`${PATH}.extension`, `${url.slice(BACKPORT.length)} needs one ${element} of at least ${least}.`);
    return value === 0 ? undefined : value;
  };
  return {
    heartbeatSeconds: numberOf(HEARTBEAT_PERIOD, 'valueUnsignedInt'),
    timeoutSeconds: numberOf(TIMEOUT, 'valueUnsignedInt'),
    maxCount: numberOf(MAX_COUNT, 'valuePositiveInt'),
  };
}

/** The extensions of an element; one that the hub does not know could change what the client is promised, so it is refused. */
export function knownExtensions(element: unknown, known: readonly string[], path: string): Json[] {
  const list = objectOf(element).extension;
  const extensions = Array.isArray(list) ? list.map(objectOf) : [];
  for (const extension of extensions) {
    const url = textOf(extension.url) ?? '';
    if (!known.includes(url))
      throw refused(`${path}.extension`, `The hub does not know the extension "${url}" here.`, 'not-supported');
  }
  return extensions;
}

function refuseModifierExtensions(channel: Json): void {
  if (Array.isArray(channel.modifierExtension) && channel.modifierExtension.length > 0)
    throw refused(`${PATH}.modifierExtension`, 'The hub does not know this modifierExtension.', 'not-supported');
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
