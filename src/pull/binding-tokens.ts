import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import type { SubscriptionDirectory } from '../subscriptions/subscription-directory.js';
import type { WebsocketTokens } from '../subscriptions/websocket-tokens.js';

const MOST_IDS = 500;

export interface BindingTokenSettings {
  /** How long a token may be used; a socket that was bound with it stays bound. */
  tokenSeconds: number;
  websocketUrl: string;
}

/** Hands out the right to bind a websocket to Subscriptions. */
export class BindingTokens {
  constructor(
    private readonly directory: SubscriptionDirectory,
    private readonly tokens: WebsocketTokens,
    private readonly baseOf: (face: Face) => string,
    private readonly settings: BindingTokenSettings,
  ) {}

  /**
   * A Parameters resource with the token, how long it may be used, for which Subscriptions and where.
   * @throws FhirError 404 for an id that is none, 400 for a Subscription with another channel and for no id at all
   */
  async issue(face: Face, ids: readonly string[]): Promise<string> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) throw new FhirError('required', 'Name the Subscriptions that the token is for', 'id');
    if (wanted.length > MOST_IDS)
      throw new FhirError('too-costly', `A token is for at most ${MOST_IDS} Subscriptions`, 'id', { status: 400 });
    const listed = new Map((await this.directory.list(wanted, wanted.length)).map(({ resource }) => [resource.id, resource]));
    for (const id of wanted) {
      const resource = listed.get(id);
      if (!resource) throw new FhirError('not-found', `There is no Subscription/${id}`, 'id');
      const value = JSON.parse(resource.body ?? '{}') as Record<string, unknown>;
      const { channel } = parseSubscription(value, id, resource.version, resource.face);
      if (channel.type !== 'websocket')
        throw new FhirError(
          'not-supported',
          `Subscription/${id} has the channel ${channel.type}, so no websocket is bound to it`,
          'id',
        );
    }
    const { token, expires } = await this.tokens.issue(wanted, this.settings.tokenSeconds);
    return JSON.stringify({
      resourceType: 'Parameters',
      parameter: [
        { name: 'token', valueString: token },
        { name: 'expiration', valueDateTime: expires.toISOString() },
        ...wanted.map((id) => ({ name: 'subscription', valueString: `${this.baseOf(face)}/Subscription/${id}` })),
        { name: 'websocket-url', valueUrl: this.settings.websocketUrl },
      ],
    });
  }
}

/** `PUBLIC_URL/ws` with the scheme of a websocket. */
export const websocketUrlOf = (publicUrl: string) => `${publicUrl.replace(/^http/, 'ws')}/ws`;
