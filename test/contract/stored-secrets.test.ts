import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { KeyRegister } from '../../src/secrets/key-register.js';
import type { StoredSecrets, StoredText } from '../../src/secrets/stored-secrets.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresKeyRegister } from '../../src/storage/key-register.js';
import { NOTE_SEALED } from '../../src/storage/sql/sealed-versions.sql.js';
import { PostgresStoredSecrets } from '../../src/storage/stored-secrets.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { waitFor } from '../support/wait-for.js';
import { MemoryKeyRegister, MemorySecrets, MemoryStoredSecrets } from '../support/twins/memory-stored-secrets.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});
afterAll(async () => {
  await clone.drop();
});

interface Given {
  register: KeyRegister;
  stored: StoredSecrets;
  add(version: StoredText & { keyId?: string; plain?: boolean }): Promise<void>;
  body(id: string, version: number): Promise<string>;
}

function inMemory(): Given {
  const secrets = new MemorySecrets();
  return {
    register: new MemoryKeyRegister(secrets),
    stored: new MemoryStoredSecrets(secrets),
    add: async (version) => secrets.add(version),
    body: async (id, version) => secrets.versions.find((one) => one.id === id && one.version === version)!.body,
  };
}

function onPostgres(): Given {
  return {
    register: new PostgresKeyRegister(database),
    stored: new PostgresStoredSecrets(database),
    add: ({ type, id, version, body, keyId, plain }) =>
      database.transaction(async (tx) => {
        await tx.run(
          {
            text: `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
                   VALUES (1, $1, $2, $3, 'create', 'PUT', 'r4b', now(), $4)`,
          },
          [type, id, version, body],
        );
        if (keyId !== undefined) await tx.run(NOTE_SEALED, [[type], [id], [version], [keyId]]);
        if (plain === true)
          await tx.run({ text: 'INSERT INTO plain_version (type, id, version) VALUES ($1, $2, $3)' }, [type, id, version]);
      }),
    body: async (id, version) => {
      const sql = { text: "SELECT body FROM resource_version WHERE type = 'Endpoint' AND id = $1 AND version = $2" };
      return (await database.rows<{ body: string }>(sql, [id, version]))[0]!.body;
    },
  };
}

const endpoint = (id: string, version = 1) => ({ type: 'Endpoint', id, version, body: `plain ${id} ${version}` });
const sealUnder =
  (keyId: string) =>
  ({ body }: StoredText) =>
    body.includes('nothing') ? undefined : { text: `${keyId}(${body})`, keyId };

describe.each<[string, () => Given]>([
  ['in memory', inMemory],
  ['on PostgreSQL', onPostgres],
])('sealed versions and their keys %s', (_where, make) => {
  let given: Given;
  beforeEach(async () => {
    await database.run({ text: 'TRUNCATE resource_version, sealed_version, plain_version, secret_key' });
    given = make();
  });

  test('a key is entered once, and never beside one that the process does not have', async () => {
    const { register } = given;
    expect(await register.ids()).toEqual([]);
    expect(await register.enter('a', new Set(['a']))).toBe(true);
    expect(await register.enter('a', new Set(['a']))).toBe(true);
    expect(await register.enter('b', new Set(['b']))).toBe(false);
    expect(await register.enter('b', new Set(['a', 'b']))).toBe(true);
    expect(await register.ids()).toEqual(['a', 'b']);
  });

  test('of two processes with different keys that enter theirs at the same moment one is refused', async () => {
    const entered = await Promise.all(['a', 'b'].map((id) => given.register.enter(id, new Set([id]))));
    expect(entered.sort()).toEqual([false, true]);
  });

  test('nothing can be stored under a key that is not entered, and that failure is told from others', async () => {
    const failure = await given.add({ ...endpoint('e'), keyId: 'a' }).catch((error: unknown) => error);
    expect(given.register.isMissing(failure)).toBe(true);
    expect(given.register.isMissing(new Error('another'))).toBe(false);
    expect(given.register.isMissing(undefined)).toBe(false);
    await given.register.enter('a', new Set(['a']));
    await given.add({ ...endpoint('e'), keyId: 'a' });
  });

  test('what was stored in plain is sealed a few at a time, each version once', async () => {
    await given.add({ ...endpoint('a'), plain: true });
    await given.add({ ...endpoint('a', 2), plain: true });
    await given.add({ ...endpoint('b'), body: 'nothing in it', plain: true });
    await given.add(endpoint('c'));
    expect(await given.stored.sealPlain(2, sealUnder('k'))).toBe(2);
    expect(await given.stored.sealPlain(2, sealUnder('k'))).toBe(1);
    expect(await given.stored.sealPlain(2, sealUnder('k'))).toBe(0);
    expect(await given.body('a', 1)).toBe('k(plain a 1)');
    expect(await given.body('a', 2)).toBe('k(plain a 2)');
    expect(await given.body('b', 1)).toBe('nothing in it');
    expect(await given.body('c', 1)).toBe('plain c 1');
    expect(await given.register.ids()).toEqual(['k']);
    expect(await given.stored.keepOnly('other')).toBe(false);
  });

  test('versions are sealed anew until none is left under another key; then the other keys can go', async () => {
    const { register, stored } = given;
    for (const id of ['a', 'b']) await register.enter(id, new Set(['a', 'b']));
    for (const version of [1, 2, 3]) await given.add({ ...endpoint('e', version), keyId: 'a' });
    await given.add({ ...endpoint('f'), keyId: 'b' });
    expect(await stored.keepOnly('b')).toBe(false);
    expect(await stored.sealAgain('b', 2, sealUnder('b'))).toBe(2);
    expect(await stored.keepOnly('b')).toBe(false);
    expect(await stored.sealAgain('b', 2, sealUnder('b'))).toBe(1);
    expect(await stored.sealAgain('b', 2, sealUnder('b'))).toBe(0);
    expect(await stored.keepOnly('b')).toBe(true);
    expect(await register.ids()).toEqual(['b']);
    expect(await Promise.all([1, 2, 3].map((version) => given.body('e', version)))).toEqual(
      [1, 2, 3].map((version) => `b(plain e ${version})`),
    );
    expect(await given.body('f', 1)).toBe('plain f 1');
    expect(register.isMissing(await given.add({ ...endpoint('g'), keyId: 'a' }).catch((error: unknown) => error))).toBe(true);
  });
});

test('a version that is being stored under an old key is waited for, and keeps the key', async () => {
  await database.run({ text: 'TRUNCATE resource_version, sealed_version, plain_version, secret_key' });
  const { register, stored } = onPostgres();
  for (const id of ['a', 'b']) await register.enter(id, new Set(['a', 'b']));
  let dropping: Promise<boolean> | undefined;
  await database.transaction(async (tx) => {
    await tx.run(NOTE_SEALED, [['Endpoint'], ['e'], [1], ['a']]);
    dropping = stored.keepOnly('b');
    const waits = { text: "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'" };
    await waitFor(async () => (await database.rows(waits)).length > 0, { what: 'the key to be waited for' });
  });
  expect(await dropping).toBe(false);
  expect(await register.ids()).toEqual(['a', 'b']);
});
