import { createHash, randomBytes } from 'node:crypto';
import { WebsocketTokens, type IssuedToken } from '../subscriptions/websocket-tokens.js';
import type { Database } from './database.js';
import { ISSUE_WEBSOCKET_TOKEN, REDEEM_WEBSOCKET_TOKEN } from './sql/websocket-tokens.sql.js';

/** Tokens of 192 random bits, of which only the hash is stored. */
export class PostgresWebsocketTokens extends WebsocketTokens {
  constructor(private readonly database: Database) {
    super();
  }

  async issue(subscriptionIds: readonly string[], seconds: number): Promise<IssuedToken> {
    const token = `wst_${randomBytes(24).toString('base64url')}`;
    const [row] = await this.database.rows<{ expires: Date }>(ISSUE_WEBSOCKET_TOKEN, [hashOf(token), subscriptionIds, seconds]);
    return { token, expires: row!.expires };
  }

  async redeem(token: string): Promise<string[] | undefined> {
    const [row] = await this.database.rows<{ subscription_ids: string[] }>(REDEEM_WEBSOCKET_TOKEN, [hashOf(token)]);
    return row?.subscription_ids;
  }
}

const hashOf = (token: string) => createHash('sha256').update(token).digest();
