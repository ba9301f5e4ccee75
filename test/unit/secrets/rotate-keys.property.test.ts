import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyFile, makeKeyFile, readKeyFile } from '../../../src/secrets/key-file.js';
import type { KeyRegister } from '../../../src/secrets/key-register.js';
import { KeyRing, KeysUnusable } from '../../../src/secrets/key-ring.js';
import { dropOldKeys, prepareKeyFile, rotateKeys } from '../../../src/secrets/rotate-keys.js';
import { sealWhatIsPlain } from '../../../src/secrets/seal-stored.js';
import { newSecretKey } from '../../../src/secrets/secret-key.js';
import type { StoredSecrets } from '../../../src/secrets/stored-secrets.js';
import { Vault } from '../../../src/secrets/vault.js';
import { ringOf } from '../../support/secret-resources.js';
import { MemoryKeyRegister, MemorySecrets, MemoryStoredSecrets } from '../../support/twins/memory-stored-secrets.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-rotation-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const plainOf = (id: string) => `{"resourceType":"Endpoint","id":"${id}","header":["Authorization: secret of ${id}"]}`;

/** A hub with a key ring of its own, which stores what it is told. */
class Hub {
  constructor(
    private readonly secrets: MemorySecrets,
    private readonly register: KeyRegister,
    private readonly keys: KeyRing,
    private readonly vault: Vault = new Vault(keys),
  ) {}

  async store(id: string): Promise<void> {
    const { text: body, keyId } = this.vault.seal('Endpoint', id, plainOf(id))!;
    try {
      this.secrets.add({ type: 'Endpoint', id, version: 1, body, keyId });
    } catch (error) {
      if (!this.register.isMissing(error)) throw error;
      await this.register.enter(keyId, this.keys.ids);
      await this.store(id);
    }
  }
}

class CutShort extends Error {}

test('cut short anywhere and run again, while a hub goes on storing, it ends with one key that opens everything', async () => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.array(fc.nat(14), { maxLength: 4 }), async (before, cuts) => {
      const file = join(folder, `${round++}.key`);
      makeKeyFile(file, newSecretKey());
      const [oldKey] = readKeyFile(file);
      const secrets = new MemorySecrets();
      const register = new MemoryKeyRegister(secrets);
      const hub = new Hub(secrets, register, new KeyRing(new KeyFile(file)));
      let stored = 0;
      for (let n = 0; n < before; n++) await hub.store(`before-${n}`);

      let left = Infinity;
      const step = async () => {
        await hub.store(`during-${stored++}`);
        if (left-- <= 0) throw new CutShort();
      };
      const run = async () => {
        await step();
        prepareKeyFile(file);
        await step();
        const keys = new KeyRing(new KeyFile(file));
        await rotateKeys(keys, new Vault(keys), eachStep(new MemoryStoredSecrets(secrets), step), eachStep(register, step), 3);
        dropOldKeys(file);
        await step();
      };
      for (const cut of cuts) {
        left = cut;
        await run().catch((error: unknown) => {
          if (!(error instanceof CutShort)) throw error;
        });
      }
      left = Infinity;
      await run();

      const [key, ...others] = readKeyFile(file);
      expect(others).toEqual([]);
      expect(key).not.toEqual(oldKey);
      const alone = new Vault(ringOf(key!));
      expect(secrets.versions).toHaveLength(before + stored);
      for (const { id, body } of secrets.versions) expect(alone.open('Endpoint', id, body)).toBe(plainOf(id));
      expect(secrets.keys).toEqual([key!.id]);
    }),
    { numRuns: 150 },
  );
});

/** Before and after each call of the port, `step` is asked. The number of stores during a rotation is bounded by it. */
function eachStep<T extends KeyRegister | StoredSecrets>(port: T, step: () => Promise<void>): T {
  let steps = 0;
  return new Proxy(port, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as unknown;
      if (typeof method !== 'function' || name === 'isMissing') return method;
      return async (...given: unknown[]) => {
        const busy = steps++ < 10;
        if (busy) await step();
        const result: unknown = await (method as (...all: unknown[]) => unknown).apply(target, given);
        if (busy) await step();
        return result;
      };
    },
  });
}

test('with one key there is nothing to change to', async () => {
  const secrets = new MemorySecrets();
  const rotation = rotateKeys(ringOf(), new Vault(ringOf()), new MemoryStoredSecrets(secrets), new MemoryKeyRegister(secrets));
  await expect(rotation).rejects.toThrow(KeysUnusable);
});

test('a key that the database needs and nobody has stops it before anything is changed', async () => {
  const secrets = new MemorySecrets();
  secrets.keys.push('0123456789abcdef');
  const keys = ringOf(newSecretKey(), newSecretKey());
  const rotation = rotateKeys(keys, new Vault(keys), new MemoryStoredSecrets(secrets), new MemoryKeyRegister(secrets));
  await expect(rotation).rejects.toThrow('a key that the test does not have');
  expect(secrets.keys).toEqual(['0123456789abcdef']);
});

test('what a release without sealing stored is sealed once; what holds no secret is passed over', async () => {
  const secrets = new MemorySecrets();
  for (let n = 0; n < 450; n++) secrets.add({ type: 'Endpoint', id: `e${n}`, version: 1, body: plainOf(`e${n}`), plain: true });
  secrets.add({ type: 'Subscription', id: 's', version: 1, body: '{"resourceType":"Subscription"}', plain: true });
  const vault = new Vault(ringOf());
  expect(await sealWhatIsPlain(new MemoryStoredSecrets(secrets), vault)).toBe(451);
  expect(await sealWhatIsPlain(new MemoryStoredSecrets(secrets), vault)).toBe(0);
  for (const { type, id, body } of secrets.versions) {
    expect(body).not.toContain('secret of');
    if (type === 'Endpoint') expect(vault.open(type, id, body)).toBe(plainOf(id));
  }
});
