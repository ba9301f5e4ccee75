import { randomUUID } from 'node:crypto';
import { type IssuedToken, WebsocketTokens } from '../../../src/subscriptions/websocket-tokens.js';

/** Tokens in memory. */
export class MemoryWebsocketTokens extends WebsocketTokens {
  private readonly issued = new Map<string, { ids: string[]; expires: Date }>();

  issue(subscriptionIds: readonly string[], seconds: number): Promise<IssuedToken> {
    const token = randomUUID();
    const expires = new Date(Date.now() + seconds * 1000);
    this.issued.set(token, { ids: [...subscriptionIds], expires });
    return Promise.resolve({ token, expires });
  }

  redeem(token: string): Promise<string[] | undefined> {
    const found = this.issued.get(token);
    this.issued.delete(token);
    return Promise.resolve(found && found.expires.getTime() > Date.now() ? found.ids : undefined);
  }
}
