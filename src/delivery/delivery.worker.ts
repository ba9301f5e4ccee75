import type { Change } from '../fhir/change.js';
import { notificationSubject } from '../fhir/notification-bundle.js';
import { faultOf, faultText } from '../subscriptions/endpoint-fault.js';
import { levelOf } from '../subscriptions/content-level.js';
import type { Resends } from '../subscriptions/resends.js';
import { laterSegments, latestNumber, openSegment, stretchesOf } from '../subscriptions/segments.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import type { SubscriptionDefinition, SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import { afterAttempt, type Verdict } from './after-attempt.js';
import type { Attempt } from './attempt-log.js';
import { AttemptPlaces } from './attempt-places.js';
import type { CursorFlush } from './cursor-flush.js';
import type { CursorStore, ServedSubscription } from './cursor-store.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { EventWindow } from './event-window.js';
import type { Line } from './line.js';
import type { BatchListener } from './match-follower.js';
import { nextStep, type Step } from './next-step.js';
import type { OwedEvent, Push, PushChannel, PushOutcome } from './push-channel.js';
import type { ShardHolder, ShardListener } from './shard-holder.js';
import type { StatusWriter } from './status-writer.js';

/** Reads a stored Subscription; throws where a newer release wrote what this one does not know. */
export type ReadDefinition = (resource: Change) => SubscriptionDefinition;

export interface DeliveryParts {
  cursors: CursorStore;
  window: EventWindow;
  flush: CursorFlush;
  resends: Resends;
  shards: ShardHolder;
  statuses: StatusWriter;
  channels: readonly PushChannel[];
  readDefinition: ReadDefinition;
  /** FHIR base of a face. */
  baseOf: (face: Change['face']) => string;
  settings: DeliverySettings;
  log: Log;
  random?: () => number;
}

const DUE_EVERY_MS = 1000;
const LOAD_AT_ONCE = 500;
/** Lines at rest kept in memory; more are dropped, oldest first, and read again when something comes for them. */
const MOST_LINES = 20_000;
/** Who waits longer than this waits in the table. */
const LONGEST_TIMER_MS = 60_000;

/**
 * Sends what subscriptions are owed. Each one is served strictly in order, one attempt at a time; all of them run side by side, bounded
 * for each host and in all, so that one that hangs delays only itself. What is known of them here runs ahead of the cursor table, which
 * follows within some milliseconds; after a crash another process goes on from the table.
 */
export class DeliveryWorker implements BatchListener, ShardListener {
  private readonly lines = new Map<string, Line>();
  /** Who takes the events of the groups that were touched since the shards last changed. */
  private readonly members = new Map<number, Set<string>>();
  private readonly places: AttemptPlaces;
  private readonly channels: ReadonlyMap<string, PushChannel>;
  private readonly parts: DeliveryParts;
  private dueTimer?: NodeJS.Timeout;
  private stopped = true;

  constructor(parts: DeliveryParts) {
    this.parts = parts;
    this.places = new AttemptPlaces(parts.settings.attemptsPerHost, parts.settings.attemptsInAll);
    this.channels = new Map(parts.channels.map((channel) => [channel.type, channel]));
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.dueTimer = setTimeout(() => void this.lookForDue(), DUE_EVERY_MS);
  }

  /** Nothing new begins; resolves when what was under way has ended (or was cut off after `graceMs`) and is written down. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    clearTimeout(this.dueTimer);
    for (const line of this.lines.values()) clearTimeout(line.timer);
    await this.whenIdle(() => true, graceMs);
    for (const line of this.lines.values()) line.abort.abort();
    await this.whenIdle(() => true, 1000);
    for (const channel of this.channels.values()) channel.close();
    await this.parts.flush.drain();
  }

  // What comes in: batches of matching, shards, times that have come.

  async learn(groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void> {
    const unknown = [...groupIds].filter((groupId) => !this.members.has(groupId));
    await Promise.all([this.load([...subscriptionIds]), this.learnMembers(unknown)]);
  }

  serve(groupIds: ReadonlySet<number>): void {
    const absent: string[] = [];
    for (const groupId of groupIds) {
      for (const id of this.members.get(groupId) ?? []) {
        const line = this.lines.get(id);
        if (line) this.pump(line);
        else absent.push(id);
      }
    }
    if (absent.length > 0) this.loadLater(absent);
  }

  async taken(shards: readonly number[]): Promise<void> {
    this.members.clear();
    await this.load(await this.parts.cursors.unsettled(shards));
  }

  lost(shards: readonly number[]): void {
    this.members.clear();
    for (const line of this.lines.values()) if (shards.includes(line.shard)) this.drop(line);
  }

  async letGo(shards: readonly number[]): Promise<void> {
    this.members.clear();
    const lines = [...this.lines.values()].filter((line) => shards.includes(line.shard));
    for (const line of lines) {
      line.dropped = true;
      clearTimeout(line.timer);
    }
    await this.whenIdle((line) => shards.includes(line.shard), this.parts.settings.attemptCeilingSeconds * 1000);
    await this.parts.flush.drain();
    for (const line of lines) this.drop(line);
  }

  /** Cursors of these subscriptions could not be written: they are served elsewhere now, or are gone. */
  dropAll(subscriptionIds: readonly string[]): void {
    for (const id of subscriptionIds) {
      const line = this.lines.get(id);
      if (line) this.drop(line);
    }
  }

  private async learnMembers(groupIds: readonly number[]): Promise<void> {
    const { shards, window, cursors } = this.parts;
    if (groupIds.length === 0 || shards.shards.length === 0) return;
    for (const { groupId, lastN, subscriptionIds } of await cursors.members(groupIds, shards.shards)) {
      const known = this.members.get(groupId) ?? new Set();
      for (const id of subscriptionIds) known.add(id);
      if (known.size > 0) window.follow(groupId, lastN);
      this.members.set(groupId, known);
    }
  }

  private async lookForDue(): Promise<void> {
    try {
      if (this.parts.shards.shards.length > 0) {
        const due = await this.parts.cursors.due(this.parts.shards.shards, 1000);
        for (const line of due.flatMap((id) => this.lines.get(id) ?? [])) {
          this.pump(line);
          // What the table says is over: let it say what holds now.
          if (!line.busy && !this.parts.flush.isAhead(line.id)) this.keep(line, false);
        }
        await this.load(due.filter((id) => !this.lines.has(id)));
        await this.lookForResends();
      }
    } catch (error) {
      this.parts.log.warn({ err: error }, 'delivery.due-failed');
    }
    if (!this.stopped) this.dueTimer = setTimeout(() => void this.lookForDue(), DUE_EVERY_MS);
  }

  /** Requests to send events again are read here, so that they outlive whoever took them. */
  private async lookForResends(): Promise<void> {
    const waiting = await this.parts.resends.waiting(this.parts.shards.shards);
    if (waiting.length === 0) return;
    await this.load(waiting.map(({ subscriptionId }) => subscriptionId).filter((id) => !this.lines.has(id)));
    for (const { id, subscriptionId, next, last } of waiting) {
      const line = this.lines.get(subscriptionId);
      if (!line) continue;
      // Switched off since: what it wants again then, it asks for again.
      if (line.definition.status === 'off') await this.parts.resends.advance(id, last + 1);
      else line.again ??= { id, next, last, limit: Number.MAX_SAFE_INTEGER };
      this.pump(line);
    }
  }

  private loadLater(ids: readonly string[]): void {
    this.load(ids).catch((error: unknown) => {
      this.parts.log.warn({ err: error }, 'delivery.load-failed');
      if (!this.stopped) setTimeout(() => this.loadLater(ids), 500).unref();
    });
  }

  /** Takes subscriptions up, or learns what has become of those taken up. */
  private async load(ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += LOAD_AT_ONCE) {
      const some = ids.slice(from, from + LOAD_AT_ONCE);
      const found = await this.parts.cursors.load(some, this.parts.shards.shards);
      const gone = new Set(some);
      for (const served of found) {
        gone.delete(served.resource.id);
        this.takeUp(served);
      }
      this.dropAll([...gone]);
    }
    this.dropOldest();
  }

  /** A group seen for the first time: what was announced before that may still be missing. */
  private catchUp(groupId: number): void {
    this.parts.window.advance([groupId]).then(
      () => this.serve(new Set([groupId])),
      () => setTimeout(() => this.catchUp(groupId), 500).unref(),
    );
  }

  private takeUp(served: ServedSubscription): void {
    const { resource, standing } = served;
    const known = this.lines.get(resource.id);
    if (resource.interaction === 'delete') return known && this.drop(known);
    const open = openSegment(standing.segments);
    if (open && this.parts.window.follow(open.groupId, standing.groupLastN)) this.catchUp(open.groupId);
    const line = known ?? this.newLine(served);
    if (!line) return;
    if (known) {
      line.segments = laterSegments(line.segments, standing.segments);
      line.acknowledged = Math.max(line.acknowledged, served.acknowledged);
      line.stale = false;
      if (resource.version > line.resource.version) {
        this.adopt(line, resource);
        // Somebody wrote it: whatever held it up may be mended.
        line.failures = 0;
        line.retryAt = 0;
      }
    }
    const members = open && this.members.get(open.groupId);
    if (isPushed(line.definition)) members?.add(line.id);
    else members?.delete(line.id);
    if (this.isSettled(line) && served.verifiedVersion !== line.resource.version) {
      line.verifiedVersion = line.resource.version;
      this.keep(line, false);
    }
    this.pump(line);
  }

  private newLine(served: ServedSubscription): Line | undefined {
    const { resource, standing } = served;
    const now = Date.now();
    const definition = this.definitionOf(resource);
    if (!definition) return undefined;
    const line: Line = {
      id: resource.id,
      shard: served.shard,
      resource,
      definition,
      segments: standing.segments,
      writtenAt: resource.at.getTime(),
      acknowledged: served.acknowledged,
      latest: 0,
      failures: served.failures,
      retryAt: now + (served.dueInMs ?? 0),
      verified: definition.status === 'active' || (definition.status === 'error' && served.verifiedVersion !== undefined),
      verifiedVersion: served.verifiedVersion,
      fault: faultOf(served.lastError),
      sentAt: now - (served.sentAgoMs ?? now - resource.at.getTime()),
      subject: this.subjectOf(definition),
      host: this.channelOf(definition)?.host(definition) ?? '',
      limit: Number.MAX_SAFE_INTEGER,
      busy: false,
      dropped: false,
      stale: false,
      abort: new AbortController(),
    };
    this.lines.set(line.id, line);
    return line;
  }

  private adopt(line: Line, resource: Change): void {
    const definition = this.definitionOf(resource);
    if (!definition) return this.drop(line);
    line.resource = resource;
    line.definition = definition;
    line.writtenAt = resource.at.getTime();
    line.subject = this.subjectOf(definition);
    line.host = this.channelOf(definition)?.host(definition) ?? '';
    if (definition.status === 'active') line.verified = true;
    if (definition.status === 'requested') {
      line.verified = false;
      line.verifiedVersion = undefined;
    }
  }

  private definitionOf(resource: Change): SubscriptionDefinition | undefined {
    try {
      return this.parts.readDefinition(resource);
    } catch (error) {
      this.parts.log.error({ err: error, subscription: resource.id }, 'delivery.subscription-unreadable');
      return undefined;
    }
  }

  private subjectOf(definition: SubscriptionDefinition) {
    const { id, face, subject } = definition;
    const topic = subject.kind === 'topic' ? subject.topic : undefined;
    return notificationSubject({ id, face, base: this.parts.baseOf(face), topic, level: levelOf(definition) });
  }

  private channelOf(definition: SubscriptionDefinition): PushChannel | undefined {
    return this.channels.get(definition.channel.type);
  }

  /** Nothing stands between it and its events; what the table says of its Subscription is then brought up to date. */
  private isSettled(line: Line): boolean {
    return line.definition.status === 'off' || line.verified;
  }

  // One subscription's turn.

  private pump(line: Line): void {
    if (line.busy || line.dropped || this.stopped || !this.parts.shards.holds(line.shard)) return;
    const step = this.stepOf(line);
    if (step.kind === 'rest') return this.rest(line, step.until);
    line.busy = true;
    clearTimeout(line.timer);
    line.timer = undefined;
    if (step.kind === 'end' || step.kind === 'activate') {
      const status = step.kind === 'end' ? 'off' : 'active';
      void this.turn(line, () => this.moveStatus(line, status));
      return;
    }
    const host = line.host;
    const go = () => void this.turn(line, () => this.attempt(line, host));
    if (this.places.enter(host, go)) go();
  }

  private async turn(line: Line, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Ours, not the endpoint's: the database is away, for example. Not a failure of the subscription.
      this.parts.log.warn({ err: error, subscription: line.id }, 'delivery.turn-failed');
      if (!this.stopped) await new Promise((resolve) => setTimeout(resolve, 500));
    }
    line.busy = false;
    if (line.stale) this.loadLater([line.id]);
    else this.pump(line);
  }

  private stepOf(line: Line): Step {
    const open = openSegment(line.segments);
    line.latest = latestNumber(line.segments, open ? (this.parts.window.lastN(open.groupId) ?? open.afterN) : 0);
    return nextStep(line, Date.now(), this.parts.settings.handshakeDelayMs);
  }

  private rest(line: Line, until: number | undefined): void {
    clearTimeout(line.timer);
    line.timer = undefined;
    if (until === undefined) return;
    const wait = until - Date.now();
    if (wait <= LONGEST_TIMER_MS) line.timer = setTimeout(() => this.pump(line), Math.max(wait, 1));
  }

  private async attempt(line: Line, host: string): Promise<void> {
    let push: Push | undefined;
    let outcome: PushOutcome;
    try {
      push = await this.pushOf(line);
      const channel = push && this.channelOf(push.definition);
      if (!push || !channel) return;
      outcome = await channel.send(push);
    } finally {
      this.places.leave(host);
    }
    if (line.abort.signal.aborted) return;
    await this.conclude(line, push, outcome);
  }

  /** What is to be sent now; things may have changed while a place was waited for. */
  private async pushOf(line: Line): Promise<Push | undefined> {
    if (line.dropped || this.stopped) return undefined;
    const step = this.stepOf(line);
    if (step.kind === 'send-again') return this.pushAgain(line);
    if (step.kind !== 'send' && step.kind !== 'handshake' && step.kind !== 'heartbeat') return undefined;
    const { definition, subject, latest, segments } = line;
    let events: OwedEvent[] = [];
    if (step.kind === 'send') {
      const first = (line.trying?.over ?? line.acknowledged) + 1;
      const limit = line.trying ? 1 : Math.min(line.limit, this.channelOf(definition)?.most(definition) ?? 1);
      const open = openSegment(segments);
      const lastN = open ? this.parts.window.lastN(open.groupId) : undefined;
      const [stretch] = stretchesOf(segments, { first, last: latest }, lastN ?? 0, limit);
      if (!stretch) throw new Error(`event ${first} of ${line.id} lies in no segment`);
      const read = await this.parts.window.read(stretch, limit);
      if (read.length === 0) throw new Error(`event ${first} of ${line.id} is not in the log`);
      events = read.map((event, index) => ({ number: stretch.firstNumber + index, parts: event.parts, event }));
    }
    return {
      ...this.terms(line),
      subject,
      kind: step.kind === 'send' ? 'event-notification' : step.kind,
      total: events.at(-1)?.number ?? latest,
      events,
    };
  }

  /** The next events that are to be sent again; undefined where no more of them are kept. */
  private async pushAgain(line: Line): Promise<Push | undefined> {
    const again = line.again!;
    const { segments, latest, definition, subject } = line;
    const limit = Math.min(again.limit, this.channelOf(definition)?.most(definition) ?? 1);
    const open = openSegment(segments);
    const lastN = (open && this.parts.window.lastN(open.groupId)) ?? 0;
    const [stretch] = stretchesOf(segments, { first: again.next, last: Math.min(again.last, latest) }, lastN, limit);
    const read = stretch ? await this.parts.window.read(stretch, limit) : [];
    if (!stretch || read.length === 0) {
      await this.passAgain(line, stretch ? stretch.firstNumber + stretch.untilN - stretch.afterN : again.last + 1);
      return undefined;
    }
    const events = read.map((event, index) => ({ number: stretch.firstNumber + index, parts: event.parts, event }));
    return { ...this.terms(line), subject, kind: 'event-notification', total: events.at(-1)!.number, events, again: true };
  }

  private terms(line: Line): Pick<Push, 'definition' | 'faults' | 'timeoutMs' | 'signal'> {
    const { definition } = line;
    const { attemptSeconds, attemptCeilingSeconds } = this.parts.settings;
    return {
      definition,
      faults: definition.status === 'error' && line.fault ? [line.fault] : [],
      timeoutMs: Math.min(definition.channel.timeoutSeconds ?? attemptSeconds, attemptCeilingSeconds) * 1000,
      signal: line.abort.signal,
    };
  }

  private async conclude(line: Line, push: Push, outcome: PushOutcome): Promise<void> {
    const { settings, flush, log } = this.parts;
    // A greeting of an endpoint that is no longer the one to greet proves nothing.
    if (push.kind === 'handshake' && push.definition !== line.definition) return;
    const last = push.events.at(-1)?.number;
    const tried = afterAttempt(
      {
        kind: push.kind,
        status: line.definition.status,
        failures: line.failures,
        count: push.events.length,
        hasMore: !push.again && last !== undefined && line.latest > last,
        steppingOver: line.trying !== undefined,
      },
      outcome.result,
      settings,
      (this.parts.random ?? Math.random)(),
    );
    // A repetition that the endpoint refuses is given up: its events were sent or set aside before.
    const verdict: Verdict =
      push.again && tried.kind === 'failed' && outcome.result.kind === 'refused' ? { kind: 'step-over' } : tried;
    const attempt = attemptOf(line.id, push, outcome, verdict);
    flush.record(attempt);
    const { detail: _detail, ...facts } = attempt;
    log[verdict.kind === 'served' ? 'debug' : 'info'](facts, 'delivery.attempted');
    line.sentAt = Date.now();
    const status = push.again ? await this.applyAgain(line, push, outcome, verdict) : this.apply(line, push, outcome, verdict);
    this.keep(line, true);
    if (status) await this.moveStatus(line, status);
  }

  /** Brings the line to where the verdict leads, and says whether the Subscription's status follows. */
  private apply(line: Line, push: Push, { result }: PushOutcome, verdict: Verdict): SubscriptionStatus | undefined {
    const fault = result.kind === 'accepted' ? undefined : result.fault;
    switch (verdict.kind) {
      case 'served':
        if (verdict.park && line.trying)
          this.parts.flush.park({ subscriptionId: line.id, number: line.trying.over, reason: line.trying.reason });
        line.trying = undefined;
        line.acknowledged = push.events.at(-1)?.number ?? line.acknowledged;
        line.failures = 0;
        line.retryAt = 0;
        line.fault = undefined;
        line.verified = true;
        line.limit = Math.min(line.limit * 2, Number.MAX_SAFE_INTEGER);
        return verdict.status;
      case 'halve':
        line.limit = Math.ceil(push.events.length / 2);
        return undefined;
      case 'step-over':
        line.trying = { over: push.events[0]!.number, reason: fault?.text ?? '' };
        line.failures += 1;
        line.retryAt = 0;
        line.fault = fault;
        return undefined;
      case 'failed':
        line.trying = undefined;
        line.failures += 1;
        line.retryAt = Date.now() + verdict.pauseMs;
        line.fault = fault;
        if (push.kind === 'handshake' && line.definition.status !== 'active') line.verifiedVersion = undefined;
        return verdict.status;
    }
  }

  /** The cursor stays where it is: only the request moves. */
  private async applyAgain(
    line: Line,
    push: Push,
    outcome: PushOutcome,
    verdict: Verdict,
  ): Promise<SubscriptionStatus | undefined> {
    switch (verdict.kind) {
      case 'served':
        line.failures = 0;
        line.retryAt = 0;
        line.fault = undefined;
        line.verified = true;
        await this.passAgain(line, push.events.at(-1)!.number + 1);
        return verdict.status;
      case 'halve':
        if (line.again) line.again.limit = Math.ceil(push.events.length / 2);
        return undefined;
      case 'step-over':
        await this.passAgain(line, push.events[0]!.number + 1);
        return undefined;
      case 'failed':
        return this.apply(line, push, outcome, verdict);
    }
  }

  private async passAgain(line: Line, next: number): Promise<void> {
    const { again } = line;
    if (!again) return;
    await this.parts.resends.advance(again.id, next);
    again.next = next;
    if (next > again.last) line.again = undefined;
  }

  private async moveStatus(line: Line, status: SubscriptionStatus): Promise<void> {
    const reason =
      status === 'active'
        ? undefined
        : status === 'off' && !line.fault
          ? 'The end of the subscription is reached.'
          : line.fault && faultText(line.fault);
    const written = await this.parts.statuses.write(line.resource, status, reason);
    if (line.dropped) return;
    if (!written) {
      line.stale = true;
      return;
    }
    this.adopt(line, written);
    if (this.isSettled(line)) line.verifiedVersion = written.version;
    this.parts.log.info({ subscription: line.id, status, reason }, 'subscription.status-moved');
    this.keep(line, false);
  }

  private keep(line: Line, sent: boolean): void {
    const step = this.stepOf(line);
    const due = step.kind === 'rest' ? step.until : undefined;
    this.parts.flush.keep({
      subscriptionId: line.id,
      shard: line.shard,
      acknowledged: line.acknowledged,
      failures: line.failures,
      dueInMs: due === undefined ? undefined : Math.max(0, due - Date.now()),
      verifiedVersion: line.verifiedVersion,
      lastError: line.fault && faultText(line.fault),
      sent,
      pushed: isPushed(line.definition),
    });
  }

  private drop(line: Line): void {
    line.dropped = true;
    clearTimeout(line.timer);
    line.abort.abort();
    if (this.lines.get(line.id) === line) this.lines.delete(line.id);
    for (const { groupId } of line.segments) this.members.get(groupId)?.delete(line.id);
  }

  /** Lines at rest whose state is in the table can be read again. */
  private dropOldest(): void {
    if (this.lines.size <= MOST_LINES) return;
    for (const line of this.lines.values()) {
      if (line.busy || line.timer || this.parts.flush.isAhead(line.id)) continue;
      this.lines.delete(line.id);
      if (this.lines.size <= MOST_LINES) return;
    }
  }

  private async whenIdle(concerns: (line: Line) => boolean, milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while ([...this.lines.values()].some((line) => line.busy && concerns(line)) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function attemptOf(subscriptionId: string, push: Push, outcome: PushOutcome, verdict: Verdict): Attempt {
  const { result } = outcome;
  const reason = result.kind === 'accepted' ? undefined : faultText(result.fault);
  const givesUp = verdict.kind === 'step-over' || (verdict.kind === 'failed' && verdict.status === 'off');
  return {
    at: new Date(Date.now() - outcome.milliseconds),
    subscriptionId,
    kind: push.kind,
    firstNumber: push.events[0]?.number,
    lastNumber: push.events.at(-1)?.number,
    outcome: result.kind === 'accepted' ? 'accepted' : givesUp ? 'give-up' : 'retry',
    httpStatus: outcome.httpStatus,
    milliseconds: outcome.milliseconds,
    detail: [reason, outcome.excerpt].filter((part) => part !== undefined && part !== '').join('\n') || undefined,
  };
}
