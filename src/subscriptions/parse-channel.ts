import type { Face } from '../fhir/change.js';
import type { JsonObject } from '../fhir/json-object.js';
import { SIGNING_SECRET } from '../secrets/secret-places.js';
import { keyIdOf } from '../secrets/sealed-text.js';
import { endpointProblem } from './endpoint-problem.js';
import { isPushed } from './is-pushed.js';
import { parseHeader } from './parse-header.js';
import { parseMailAddress, parseMailForm, parseMailHeader } from './parse-mail-channel.js';
import { payloadProblem } from './parse-payload.js';
import { parseRateLimit, RATE_LIMIT } from './parse-rate-limit.js';
import { refused } from './refused.js';
import { signingSecretProblem } from './signing-secret.js';
import type { ChannelDefinition, ChannelType, ContentLevel } from './subscription-definition.js';

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const CHANNEL_TYPE = `${BACKPORT}channel-type`;
export const PAYLOAD_CONTENT = `${BACKPORT}payload-content`;
const HEARTBEAT_PERIOD = `${BACKPORT}heartbeat-period`;
const TIMEOUT = `${BACKPORT}timeout`;
const MAX_COUNT = `${BACKPORT}max-count`;
/** While secrets are being replaced: the new one, the old one, and one of a replacement that was given up. */
const MOST_SECRETS = 3;

/** The hub's own channel over Socket.IO. */
const OWN_CHANNELS = 'https://carillon.example/fhir/CodeSystem/channel-type';
const STANDARD_CHANNELS: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/subscription-channel-type',
  'http://terminology.hl7.org/CodeSystem/subscription-channel-type',
]);

const CONTENT_LEVELS: ReadonlySet<string> = new Set(['empty', 'id-only', 'full-resource']);

const PATH = 'Subscription.channel';

/**
 * Reads `Subscription.channel` of a Subscription made through `face`. Classic and topic-based ones differ in what they must and must not say.
 * @throws FhirError 422 naming the element
 */
export function parseChannel(subscription: JsonObject, kind: 'classic' | 'topic', face: Face): ChannelDefinition {
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
  const problem = payload === undefined ? undefined : problemOfPayload(payload, type, face);
  if (problem !== undefined) throw refused(`${PATH}.payload`, problem, 'not-supported');
  return {
    type,
    endpoint: endpoint(channel, type),
    headers: headers(channel, type),
    signingSecrets: signingSecrets(channel, type),
    payload,
    content,
    ...channelExtensions(channel, kind, isPushed({ channel: { type } })),
  };
}

function channelType(channel: JsonObject): ChannelType {
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
  if (code === 'rest-hook' || code === 'websocket' || code === 'email' || code === 'message') return code;
  throw refused(
    `${PATH}.type`,
    `The hub does not send by ${code || 'this channel'}; it sends by rest-hook, websocket, message, email and its live feed.`,
    'not-supported',
  );
}

function contentLevel(channel: JsonObject): ContentLevel | undefined {
  const [level, ...more] = knownExtensions(channel._payload, [PAYLOAD_CONTENT], `${PATH}.payload`);
  if (level === undefined) return undefined;
  const code = textOf(level.valueCode) ?? '';
  if (more.length > 0 || !CONTENT_LEVELS.has(code))
    throw refused(`${PATH}.payload.extension`, `The content level must be empty, id-only or full-resource, not "${code}".`);
  return code as ContentLevel;
}

/** Undefined: the hub honours it. */
function problemOfPayload(payload: string, type: ChannelType, face: Face): string | undefined {
  if (type !== 'email') return payloadProblem(payload, face);
  const form = parseMailForm(payload, face);
  return typeof form === 'string' ? form : undefined;
}

function endpoint(channel: JsonObject, type: ChannelType): string | undefined {
  const url = textOf(channel.endpoint);
  if (type === 'websocket' || type === 'live') {
    if (url !== undefined && !/^(wss?|https?):/i.test(url))
      throw refused(`${PATH}.endpoint`, `"${url}" is no endpoint of a websocket; leave it out, the hub says where to connect.`);
    return undefined;
  }
  if (url === undefined) throw refused(`${PATH}.endpoint`, `The channel ${type} needs an endpoint.`);
  const problem = type === 'email' ? problemOfAddress(url) : endpointProblem(url);
  if (problem !== undefined) throw refused(`${PATH}.endpoint`, problem);
  return url;
}

function problemOfAddress(url: string): string | undefined {
  const parsed = parseMailAddress(url);
  return typeof parsed === 'string' ? parsed : undefined;
}

function headers(channel: JsonObject, type: ChannelType): (readonly [string, string])[] {
  const lines = Array.isArray(channel.header) ? channel.header : [];
  if (type === 'email' && lines.length > 1) throw refused(`${PATH}.header[1]`, 'A mail takes one header line, "Subject: …".');
  return lines.map((line: unknown, index) => {
    const parse = type === 'email' ? parseMailHeader : parseHeader;
    const parsed = typeof line === 'string' ? (sealedHeader(line) ?? parse(line)) : 'A header is a text.';
    if (typeof parsed === 'string') throw refused(`${PATH}.header[${index}]`, parsed);
    return parsed;
  });
}

/** A header as it is stored, which was looked at before its value was sealed. */
function sealedHeader(line: string): readonly [string, string] | undefined {
  const colon = line.indexOf(':');
  const value = line.slice(colon + 1);
  return keyIdOf(value) === undefined ? undefined : [line.slice(0, colon).trim(), value];
}

function signingSecrets(channel: JsonObject, type: ChannelType): string[] {
  const list = Array.isArray(channel.extension) ? channel.extension.map(objectOf) : [];
  const path = (index: number) => `${PATH}.extension[${index}]`;
  const secrets = list.flatMap((extension, index) => (extension.url === SIGNING_SECRET ? [{ extension, index }] : []));
  const [first, fourth] = [secrets[0], secrets[MOST_SECRETS]];
  if (first !== undefined && type !== 'rest-hook' && type !== 'message')
    throw refused(path(first.index), 'The hub signs the calls of the channels rest-hook and message.', 'not-supported');
  if (fourth !== undefined) throw refused(path(fourth.index), `A Subscription has at most ${MOST_SECRETS} signing secrets.`);
  return secrets.map(({ extension, index }) => {
    const problem = signingSecretProblem(extension.valueString);
    if (problem !== undefined) throw refused(`${path(index)}.valueString`, problem);
    return extension.valueString as string;
  });
}

function channelExtensions(
  channel: JsonObject,
  kind: 'classic' | 'topic',
  pushed: boolean,
): Pick<ChannelDefinition, 'heartbeatSeconds' | 'timeoutSeconds' | 'maxCount' | 'ratePerSecond'> {
  const known = knownExtensions(channel, [HEARTBEAT_PERIOD, TIMEOUT, MAX_COUNT, SIGNING_SECRET, RATE_LIMIT], PATH);
  const extensions = known.filter(({ url }) => url !== SIGNING_SECRET && url !== RATE_LIMIT);
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
    ratePerSecond: parseRateLimit(known, pushed, PATH),
  };
}

/** The extensions of an element; one that the hub does not know could change what the client is promised, so it is refused. */
export function knownExtensions(element: unknown, known: readonly string[], path: string): JsonObject[] {
  const list = objectOf(element).extension;
  const extensions = Array.isArray(list) ? list.map(objectOf) : [];
  for (const extension of extensions) {
    const url = textOf(extension.url) ?? '';
    if (!known.includes(url))
      throw refused(`${path}.extension`, `The hub does not know the extension "${url}" here.`, 'not-supported');
  }
  return extensions;
}

function refuseModifierExtensions(channel: JsonObject): void {
  if (Array.isArray(channel.modifierExtension) && channel.modifierExtension.length > 0)
    throw refused(`${PATH}.modifierExtension`, 'The hub does not know this modifierExtension.', 'not-supported');
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
