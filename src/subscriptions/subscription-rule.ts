import type { Face } from '../fhir/change.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';
import { withFrozen } from '../search/custom/frozen-definitions.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { CurrentCatalog } from '../topics/current-catalog.js';
import { filingOf } from './explain-change.js';
import { canonicalFilters } from './filter-syntax.js';
import { needsHandshake } from './needs-handshake.js';
import { parseSubscription } from './parse-subscription.js';
import { refused } from './refused.js';
import { resolveFilters } from './resolve-filters.js';
import { statusAfterWrite } from './status-machine.js';
import { withStatus } from './status-text.js';
import type { StoredSubscriptions } from './stored-subscriptions.js';
import type { SubscriptionDefinition, SubscriptionStatus } from './subscription-definition.js';

interface RuledSubscription {
  text: string;
  value: Record<string, unknown>;
}

/**
 * Decides whether a Subscription that a client writes can be honoured, and with which status it is stored. What the hub would not do
 * exactly as written is refused here, with the element named; matching relies on it.
 */
export class SubscriptionRule {
  readonly type = 'Subscription';

  constructor(
    private readonly stored: StoredSubscriptions,
    private readonly catalog: CurrentCatalog,
    private readonly semantics: SearchSemantics,
    private readonly now: () => Date = () => new Date(),
    /** The operator named a mail server. */
    private readonly sendsMail = true,
    /** Why the hub would never call the endpoint, as far as its URL shows. */
    private readonly refusalOfEndpoint: (url: URL) => string | undefined = () => undefined,
    /** Custom parameters as they are now, for a Subscription to go by them from now on. */
    private readonly current?: Pick<CurrentParameters, 'follow'>,
  ) {}

  /** @throws FhirError 422 naming the element */
  async apply(next: RuledSubscription, id: string, face: Face): Promise<RuledSubscription> {
    const bare = withFrozen(next, []);
    const asked = parseSubscription(bare.value, id, 0, face);
    const stored = await this.storedBefore(id);
    checkSubject(asked, stored?.definition);
    checkEnd(asked, this.now());
    if (asked.channel.type === 'email' && asked.status !== 'off' && !this.sendsMail)
      throw refused(
        'Subscription.channel.type',
        'The hub sends no mail: its operator has named no mail server (SMTP_URL).',
        'not-supported',
      );
    this.checkEndpoint(asked);
    const pauses = asked.status === 'off' && stored !== undefined && sameSubject(asked, stored.definition);
    const parameters = pauses ? parametersOf(stored.definition) : await this.parametersAsked(asked);
    const ruled = withFrozen(bare, parameters);
    if (!pauses) await this.checkComputable(parseSubscription(ruled.value, id, 0, face));
    const status = statusAfterWrite({
      stored: stored?.definition.status,
      asked: asked.status,
      changed: stored !== undefined && promiseOf(asked) !== promiseOf(stored.definition),
      handshake: needsHandshake(asked),
    });
    if (status === undefined)
      throw refused('Subscription.status', 'Only the hub sets the status error; ask for requested or off.');
    return settled(ruled, status, status === stored?.definition.status ? stored.error : undefined);
  }

  /**
   * A warning where other resources decide, whose own changes are no events. And one where the index has nothing to find the Subscription by, neither an equality nor a bound: then it is tried for every change of
   * its type, or that its topic lets through, which costs all who write.
   */
  async remarks(value: Record<string, unknown>, id: string, face: Face): Promise<readonly Issue[]> {
    const definition = parseSubscription(value, id, 0, face);
    const { subject } = definition;
    const topic = subject.kind === 'topic' ? (await this.catalog.read()).active(subject.topic) : undefined;
    const filing = filingOf(definition, topic, this.semantics);
    const remarks: Issue[] = [];
    for (const { code, url } of parametersOf(definition))
      remarks.push({
        severity: 'information',
        code: 'informational',
        diagnostics: `"${code}" means to this Subscription what SearchParameter ${url} says now. Should that change or go, this stays until the Subscription is written again.`,
        expression: 'Subscription.criteria',
      });
    const linked = filing.filter(({ isLink }) => isLink);
    if (linked.length > 0)
      remarks.push({
        severity: 'warning',
        code: 'business-rule',
        diagnostics: `"${linked.map(({ expression }) => expression).join('&')}" looks at other resources, as they are when a resource of the type asked for changes. A later change of theirs is no event.`,
        expression: 'Subscription.criteria',
      });
    if (filing.length === 0 || filing.some(({ accessPath }) => accessPath !== 'none')) return remarks;
    return [
      ...remarks,
      {
        severity: 'warning',
        code: 'too-costly',
        diagnostics: `Nothing in "${filing.map(({ expression }) => expression).join('&')}" tells the hub where to look, so every change is tested for it. An equality, such as a patient or a code, or a bound of a date or number would.`,
        expression: 'Subscription.criteria',
      },
    ];
  }

  private checkEndpoint({ status, channel }: SubscriptionDefinition): void {
    if (status === 'off' || (channel.type !== 'rest-hook' && channel.type !== 'message')) return;
    const url = URL.parse(channel.endpoint ?? '');
    const refusal = url === null ? undefined : this.refusalOfEndpoint(url);
    if (refusal !== undefined) throw refused('Subscription.channel.endpoint', `The endpoint ${url!.host} ${refusal}.`);
  }

  private async storedBefore(id: string): Promise<{ definition: SubscriptionDefinition; error?: string } | undefined> {
    const stored = await this.stored.current(id);
    if (stored === undefined) return undefined;
    const value = JSON.parse(stored.text) as Record<string, unknown>;
    try {
      const definition = parseSubscription(value, id, stored.version, stored.face);
      return { definition, error: typeof value.error === 'string' ? value.error : undefined };
    } catch (error) {
      // Stored by an older release that was less strict: the write is judged like a new one.
      if (error instanceof FhirError) return undefined;
      throw error;
    }
  }

  /** Those of a topic's filters are a matter of the topic. */
  private async parametersAsked({ subject }: SubscriptionDefinition): Promise<readonly CustomDefinition[]> {
    if (subject.kind === 'topic') return [];
    await this.current?.follow();
    return this.semantics.customAskedBy((by) => {
      try {
        by.parseCriteria(subject.criteria);
      } catch (error) {
        // Told when it is read by what it is given.
        if (!(error instanceof FhirError)) throw error;
      }
    });
  }

  private async checkComputable({ subject }: SubscriptionDefinition): Promise<void> {
    if (subject.kind === 'classic') {
      try {
        this.semantics.standing(subject.parameters).parseCriteria(subject.criteria);
      } catch (error) {
        if (error instanceof FhirError) throw refused('Subscription.criteria', error.message, 'not-supported');
        throw error;
      }
      return;
    }
    const catalog = await this.catalog.read();
    const topic = catalog.active(subject.topic);
    if (topic === undefined) {
      const [other] = catalog.named(subject.topic);
      throw refused(
        'Subscription.criteria',
        other === undefined
          ? `The hub has no topic "${subject.topic}".`
          : `The topic "${subject.topic}" is ${other.definition.status}, so it takes no Subscriptions.`,
      );
    }
    resolveFilters(subject.filters, topic.definition, this.semantics);
  }
}

function parametersOf({ subject }: SubscriptionDefinition): readonly CustomDefinition[] {
  return subject.kind === 'classic' ? (subject.parameters ?? []) : [];
}

function checkSubject(asked: SubscriptionDefinition, stored: SubscriptionDefinition | undefined): void {
  if (stored === undefined || sameTopic(asked, stored)) return;
  throw refused(
    'Subscription.criteria',
    'A Subscription keeps its topic, because its event numbers do; make a new one for another topic.',
  );
}

function checkEnd(asked: SubscriptionDefinition, now: Date): void {
  if (asked.status !== 'off' && asked.end !== undefined && asked.end <= now)
    throw refused('Subscription.end', 'The end has passed already.');
}

function sameTopic(a: SubscriptionDefinition, b: SubscriptionDefinition): boolean {
  if (a.subject.kind !== b.subject.kind) return false;
  return a.subject.kind === 'classic' || a.subject.topic === (b.subject as typeof a.subject).topic;
}

function sameSubject(a: SubscriptionDefinition, b: SubscriptionDefinition): boolean {
  return subjectText(a) === subjectText(b);
}

/** What a handshake vouches for: where and how notifications go, and what they are about. */
function promiseOf(definition: SubscriptionDefinition): string {
  const { type, endpoint, headers, payload, content } = definition.channel;
  return JSON.stringify([type, endpoint, headers, payload, content, subjectText(definition)]);
}

function subjectText({ subject }: SubscriptionDefinition): string {
  return subject.kind === 'classic' ? subject.criteria : [subject.topic, ...canonicalFilters(subject.filters)].join('\n');
}

/** `Subscription.error` is the hub's: what a client writes there does not count, what the hub wrote stays while the status does. */
function settled(next: RuledSubscription, status: SubscriptionStatus, error: string | undefined): RuledSubscription {
  if (next.value.status === status && next.value.error === error) return next;
  const text = withStatus(next.text, status, error);
  return { text, value: JSON.parse(text) as Record<string, unknown> };
}
