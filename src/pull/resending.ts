import { FhirError, operationOutcome } from '../fhir/fhir-error.js';
import type { EventLog } from '../subscriptions/event-log.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import { currentSubscription } from './current-subscription.js';
import { flagOf } from './operation-values.js';
import { code, flag, group, instant, number, parametersText, type Part, text } from './parameter-parts.js';
import type { Replay, Replays } from './replays.js';
import { type AskedRange, keptRange, type KeptRange, parseRange, rangeText, type ResendRange } from './resend-range.js';
import type { ResourceReader } from './resource-reader.js';

/** What `$replay` takes, as it was written. */
export interface ReplayAsked extends ResendRange {
  failedOnly?: string;
  rate?: string;
}

/**
 * Takes down that events are to be sent again; delivery works it off behind what is owed, with the numbers the events have, to where the
 * Subscription sends. `$resend`: https://build.fhir.org/ig/HL7/fhir-subscription-backport-ig/ (1.2); `$replay` adds a pace, a choice of
 * those that were set aside, progress and an end before the end.
 */
export class Resending {
  constructor(
    private readonly reader: Pick<ResourceReader, 'current'>,
    private readonly events: EventLog,
    private readonly replays: Replays,
  ) {}

  /** An OperationOutcome that says what will be sent. @throws FhirError 400, 404, 409, 410, 429 */
  async resend(id: string, range: ResendRange): Promise<string> {
    const asked = parseRange(range);
    const definition = await this.startable(id);
    const { first, last, count, missing } = await this.kept(id, asked);
    const toSockets = !isPushed(definition);
    await this.ask({ subscriptionId: id, kind: 'resend', first, last, asked: count, failedOnly: false, toSockets });
    const what = `${first === last ? 'Event' : 'Events'} ${rangeText({ first, last })} will be sent again.`;
    return JSON.stringify(
      operationOutcome([
        { code: 'informational', diagnostics: what },
        ...(missing === undefined ? [] : [{ code: 'not-found', severity: 'warning', diagnostics: `${missing}.` } as const]),
      ]),
    );
  }

  /** Parameters that say what will be sent. @throws FhirError 400, 404, 409, 410, 422, 429 */
  async replay(id: string, { failedOnly: failedText, rate: rateText, ...range }: ReplayAsked): Promise<string> {
    const asked = parseRange(range);
    const failedOnly = flagOf(failedText, 'failedOnly') ?? false;
    const rate = rateOf(rateText);
    const definition = await this.startable(id);
    if (!isPushed(definition))
      throw new FhirError(
        'business-rule',
        `Subscription/${id} sends over sockets, each of which has a place of its own, so there is no replay to follow: $resend sends ` +
          'to the sockets bound now, $events hands out any range, and a client of the live feed comes back with the number it has',
        'Subscription.channel.type',
      );
    const kept = await this.kept(id, asked);
    const chosen = failedOnly ? await this.failedOf(id, kept) : kept;
    const taken = await this.ask({
      subscriptionId: id,
      kind: 'replay',
      first: chosen.first,
      last: chosen.last,
      asked: chosen.count,
      failedOnly,
      rate,
      toSockets: false,
    });
    return parametersText([replayPart(taken), text('notice', kept.missing && `${kept.missing}.`)]);
  }

  /** One request or, without `replay`, the newest ones. @throws FhirError 400, 404, 410 */
  async status(id: string, replay: string | undefined): Promise<string> {
    const wanted = replay === undefined ? undefined : replayId(replay);
    await currentSubscription(this.reader, id);
    if (wanted === undefined) return parametersText((await this.replays.list(id, MOST_LISTED)).map(replayPart));
    return parametersText([replayPart(found(id, wanted, await this.replays.find(id, wanted)))]);
  }

  /** What was not sent yet will not be. @throws FhirError 400, 404, 409 where it is through, 410 */
  async cancel(id: string, replay: string | undefined): Promise<string> {
    if (replay === undefined) throw new FhirError('required', 'replay names what is to be cancelled', 'replay');
    const wanted = replayId(replay);
    await currentSubscription(this.reader, id);
    const now = found(id, wanted, await this.replays.cancel(id, wanted, 'Cancelled on request'));
    if (now.state !== 'cancelled')
      throw new FhirError('conflict', `Replay ${wanted} is through: nothing is left to cancel`, 'replay');
    return parametersText([replayPart(now)]);
  }

  private async startable(id: string): Promise<SubscriptionDefinition> {
    const definition = await currentSubscription(this.reader, id);
    if (definition.status === 'off')
      throw new FhirError('conflict', `Subscription/${id} is off; set it to requested and ask again`, 'Subscription.status');
    return definition;
  }

  private async kept(id: string, asked: AskedRange): Promise<KeptRange> {
    const [standing] = await this.events.standings([id]);
    const { from, to } = asked;
    return keptRange(asked, standing, from || to ? await this.replays.numbersBetween(id, from, to) : undefined);
  }

  private async failedOf(id: string, { first, last }: KeptRange): Promise<KeptRange> {
    const failed = await this.replays.failedBetween(id, { first, last });
    if (!failed)
      throw new FhirError('not-found', 'No event that was set aside and not taken since lies in this range', 'failedOnly');
    return failed;
  }

  private async ask(request: Parameters<Replays['ask']>[0]): Promise<Replay> {
    const taken = await this.replays.ask(request);
    if (taken) return taken;
    throw new FhirError(
      'throttled',
      `Enough requests for Subscription/${request.subscriptionId} are waiting; try again later`,
      undefined,
      { headers: { 'Retry-After': '30' } },
    );
  }
}

const MOST_LISTED = 100;
const FASTEST = 10_000;

function rateOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const rate = /^\d{1,5}(\.\d{1,6})?$/.test(written) ? Number(written) : NaN;
  if (rate > 0 && rate <= FASTEST) return rate;
  throw new FhirError('value', `rate is events a second, over 0 and at most ${FASTEST}, not "${written.slice(0, 50)}"`, 'rate');
}

function replayId(written: string): number {
  if (/^\d{1,15}$/.test(written)) return Number(written);
  throw new FhirError('value', `replay is the id that $replay answered, not "${written.slice(0, 50)}"`, 'replay');
}

function found(subscriptionId: string, id: number, replay: Replay | undefined): Replay {
  if (replay) return replay;
  throw new FhirError('not-found', `Subscription/${subscriptionId} has no replay ${id}, or it is too long ago`, 'replay');
}

function replayPart(replay: Replay): Part {
  const { rate } = replay;
  return group('replay', [
    { name: 'id', valueId: String(replay.id) },
    code('kind', replay.kind),
    code('state', replay.state),
    text('reason', replay.reason),
    number('first', replay.first),
    number('last', replay.last),
    number('next', replay.next),
    flag('failedOnly', replay.failedOnly),
    rate === undefined ? undefined : number('rate', rate),
    number('events', replay.asked),
    number('sent', replay.sent),
    number('refused', replay.refused),
    number('gone', replay.gone),
    instant('askedAt', replay.askedAt),
    instant('finishedAt', replay.finishedAt),
  ]);
}
