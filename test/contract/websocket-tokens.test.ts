import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { PostgresWebsocketTokens } from '../../src/storage/websocket-tokens.js';
import type { WebsocketTokens } from '../../src/subscriptions/websocket-tokens.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryWebsocketTokens } from '../support/twins/memory-websocket-tokens.js';

describe.each(['twin', 'postgres'])('tokens for websockets (%s)', (name) => {
  let clone: OpenClone | undefined;
  let database: Database | undefined;
  let tokens: WebsocketTokens;

  beforeAll(async () => {
    if (name === 'twin') return void (tokens = new MemoryWebsocketTokens());
    clone = await openClone();
    database = clone.database;
    tokens = new PostgresWebsocketTokens(database);
  });
  afterAll(async () => {
    await clone?.drop();
  });

  test('a token is for the Subscriptions it was issued for, in their order', async () => {
    const { token, expires } = await tokens.issue(['b', 'a'], 30);
    expect(expires.getTime()).toBeGreaterThan(Date.now());
    expect(await tokens.redeem(token)).toEqual(['b', 'a']);
  });

  test('a token is used once, however many come with it at the same time', async () => {
    const { token } = await tokens.issue(['a'], 30);
    const answers = await Promise.all(Array.from({ length: 8 }, () => tokens.redeem(token)));
    expect(answers.filter((ids) => ids !== undefined)).toEqual([['a']]);
  });

  test('two tokens for the same Subscription are two, and using one leaves the other', async () => {
    const [one, two] = [await tokens.issue(['a'], 30), await tokens.issue(['a'], 30)];
    expect(one.token).not.toBe(two.token);
    await tokens.redeem(one.token);
    expect(await tokens.redeem(two.token)).toEqual(['a']);
  });

  test('a token whose time is over and one that nobody issued are for nothing', async () => {
    expect(await tokens.redeem((await tokens.issue(['a'], 0)).token)).toBeUndefined();
    expect(await tokens.redeem('unknown')).toBeUndefined();
    expect(await tokens.redeem('')).toBeUndefined();
  });
});
