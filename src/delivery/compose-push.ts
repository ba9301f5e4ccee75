import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { EventWindow } from './event-window.js';
import type { Line } from './line.js';
import { stretchOf } from './line-step.js';
import type { Step } from './next-step.js';
import type { OwedEvent, Push, PushChannel } from './push-channel.js';
import type { Repetitions } from './repetitions.js';
import { bytesUnder } from './size-ceiling.js';
import { withinBytes } from './within-bytes.js';

export interface PushParts {
  window: EventWindow;
  repetitions: Repetitions;
  channelOf: (definition: SubscriptionDefinition) => PushChannel | undefined;
  settings: DeliverySettings;
}

/** What is to be sent for a step; undefined where the step sends nothing, or what was to be sent again is no longer kept. */
export async function composePush(line: Line, step: Step, parts: PushParts): Promise<Push | undefined> {
  switch (step.kind) {
    case 'send':
      return pushOwed(line, parts);
    case 'send-again':
      return pushAgain(line, parts);
    case 'handshake':
    case 'heartbeat':
      return { ...terms(line, parts), kind: step.kind, total: line.latest, events: [] };
    default:
      return undefined;
  }
}

async function pushOwed(line: Line, parts: PushParts): Promise<Push> {
  const first = (line.trying?.over ?? line.acknowledged) + 1;
  const limit = line.trying ? 1 : Math.min(line.limit, mostOf(line, parts));
  const stretch = stretchOf(line, parts.window, first, line.latest, limit);
  if (!stretch) throw new Error(`event ${first} of ${line.id} lies in no segment`);
  const read = await parts.window.read(stretch, limit);
  if (read.length === 0) throw new Error(`event ${first} of ${line.id} is not in the log`);
  return notification(line, parts, numbered(read, stretch.firstNumber));
}

const NOT_HERE_YET_MS = 200;

async function pushAgain(line: Line, parts: PushParts): Promise<Push | undefined> {
  const again = line.again!;
  const first = await parts.repetitions.nextOf(line, again);
  const gone = (next: number, count: number) => parts.repetitions.pass(line, again.id, { kind: 'gone', next, count }, Date.now());
  if (first === undefined) return void (await gone(again.last + 1, 0));
  if (first > line.latest) {
    // Asked for before it has come here.
    again.notBefore = Date.now() + NOT_HERE_YET_MS;
    return undefined;
  }
  // Those that were set aside were refused: each goes alone.
  const last = again.failedOnly ? first : Math.min(again.last, line.latest);
  const limit = Math.min(again.limit, mostOf(line, parts), Math.max(1, Math.floor(again.rate ?? Infinity)));
  const stretch = stretchOf(line, parts.window, first, last, limit);
  if (!stretch) return void (await gone(last + 1, last - first + 1));
  if (stretch.firstNumber > first) await gone(stretch.firstNumber, stretch.firstNumber - first);
  const read = await parts.window.read(stretch, limit);
  const length = stretch.untilN - stretch.afterN;
  if (read.length === 0) return void (await gone(stretch.firstNumber + length, length));
  return { ...notification(line, parts, numbered(read, stretch.firstNumber)), replay: again.id };
}

function notification(line: Line, parts: PushParts, owed: readonly OwedEvent[]): Push {
  const most = Math.min(parts.settings.notificationBytes, bytesUnder(line.ceiling, Date.now()));
  const events = withinBytes(owed, line.subject, most);
  return { ...terms(line, parts), kind: 'event-notification', total: events.at(-1)!.number, events };
}

const numbered = (events: readonly OwedEvent['event'][], first: number): OwedEvent[] =>
  events.map((event, index) => ({ number: first + index, parts: event.parts, event }));

const mostOf = ({ definition }: Line, { channelOf }: PushParts): number => channelOf(definition)?.most(definition) ?? 1;

function terms(line: Line, { settings }: PushParts): Pick<Push, 'definition' | 'subject' | 'faults' | 'timeoutMs' | 'signal'> {
  const { definition, subject } = line;
  const { attemptSeconds, attemptCeilingSeconds } = settings;
  return {
    definition,
    subject,
    faults: definition.status === 'error' && line.fault ? [line.fault] : [],
    timeoutMs: Math.min(definition.channel.timeoutSeconds ?? attemptSeconds, attemptCeilingSeconds) * 1000,
    signal: line.abort.signal,
  };
}
