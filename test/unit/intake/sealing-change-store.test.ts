import { expect, test } from '@jest/globals';
import type { ChangeStore, Write, WriteOutcome, WriteUnit } from '../../../src/intake/change-store.js';
import { SealingChangeStore } from '../../../src/intake/sealing-change-store.js';
import { KeyRing, KeySource } from '../../../src/secrets/key-ring.js';
import { newSecretKey, type SecretKey } from '../../../src/secrets/secret-key.js';
import { Vault } from '../../../src/secrets/vault.js';
import { ringOf } from '../../support/secret-resources.js';
import { MemoryChangeStore } from '../../support/twins/memory-change-store.js';
import { MemoryKeyRegister, MemorySecrets } from '../../support/twins/memory-stored-secrets.js';

const now = () => Date.parse('2026-11-01T10:00:00Z');

function writeOf(type: string, id: string, text: string, kind: 'put' | 'create' = 'put'): Write {
  const resource = { type, id, text, value: JSON.parse(text) as Record<string, unknown> };
  return kind === 'put' ? { kind, resource, method: 'PUT' } : { kind, resource, method: 'POST' };
}
const endpoint = (header: string, more = '') =>
  `{"resourceType":"Endpoint","id":"e","header":["Authorization: ${header}"]${more}}`;

function bodyOf(outcome: WriteOutcome | undefined): string | null {
  if (outcome === undefined || outcome.kind === 'absent') throw new Error('Nothing was stored');
  return outcome.change.body;
}

/** A store whose register and change log say what a database would. */
class Given {
  readonly secrets = new MemorySecrets();
  readonly register = new MemoryKeyRegister(this.secrets);
  readonly units: WriteUnit[] = [];
  readonly told: string[] = [];
  readonly memory: ChangeStore = new MemoryChangeStore(now);
  readonly store: SealingChangeStore;

  constructor(readonly keys: KeyRing = ringOf()) {
    const inner: ChangeStore = {
      write: (unit) => {
        this.units.push(unit);
        for (const write of unit.writes) {
          if (write.kind === 'delete' || write.resource.sealed === undefined) continue;
          const { type, id, text, sealed } = write.resource;
          this.secrets.add({ type, id, version: 1, body: text, keyId: sealed.keyId });
        }
        return this.memory.write(unit);
      },
    };
    this.store = new SealingChangeStore(inner, new Vault(keys), keys, this.register, ({ message }) => this.told.push(message));
  }

  put(text: string) {
    return this.store.write({ face: 'r4b', writes: [writeOf('Endpoint', 'e', text)] });
  }

  get lastText(): string {
    const write = this.units.at(-1)!.writes[0]!;
    if (write.kind === 'delete') throw new Error('A delete has no text');
    return write.resource.text;
  }
}

test('what is stored holds no secret, what the writer is given back holds what it sent', async () => {
  const given = new Given();
  const [outcome] = await given.put(endpoint('Bearer abc', ',"x":1.00'));
  expect(given.lastText).toMatch(
    /^\{"resourceType":"Endpoint","id":"e","header":\["Authorization:sealed\.v1\.[\w.-]+"\],"x":1\.00\}$/,
  );
  expect(given.units[0]).toMatchObject({ sealed: true });
  expect(outcome).toMatchObject({ kind: 'stored' });
  expect(bodyOf(outcome)).toContain('Authorization: Bearer abc');
});

test('the same content once more makes no version, though it looks different whenever it is sealed', async () => {
  const given = new Given();
  await given.put(endpoint('Bearer abc'));
  const [again] = await given.put(endpoint('Bearer abc'));
  expect(again).toMatchObject({ kind: 'unchanged', change: { version: 1 } });
  expect(bodyOf(again)).toContain('Authorization: Bearer abc');
  const texts = given.units.map(({ writes }) => JSON.stringify(writes));
  expect(texts[0]).not.toBe(texts[1]);
  const [other] = await given.put(endpoint('Bearer abd'));
  expect(other).toMatchObject({ kind: 'stored', change: { version: 2 } });
});

test('other types pass as they are, the very same unit', async () => {
  const given = new Given();
  const unit: WriteUnit = { face: 'r4b', writes: [writeOf('Patient', 'p', '{"resourceType":"Patient","header":["A: b"]}')] };
  await given.store.write(unit);
  expect(given.units[0]).toBe(unit);
  expect(given.secrets.keys).toEqual([]);
});

test('an Endpoint and a Patient in one unit: only the Endpoint is sealed', async () => {
  const given = new Given();
  const patient = writeOf('Patient', 'p', '{"resourceType":"Patient"}', 'create');
  await given.store.write({ face: 'r4b', writes: [patient, writeOf('Endpoint', 'e', endpoint('Bearer abc'), 'create')] });
  expect(given.units[0]!.writes[0]).toBe(patient);
  expect(JSON.stringify(given.units[0])).not.toContain('abc');
});

test('a version that the hub makes of a stored text keeps its secrets sealed as they are', async () => {
  const given = new Given();
  await given.put(endpoint('Bearer abc'));
  const stored = given.lastText;
  const next = stored.replace('"id":"e"', '"id":"e","status":"off"');
  const [outcome] = await given.store.ofStoredTexts.write({ face: 'r4b', writes: [writeOf('Endpoint', 'e', next)] });
  expect(given.lastText).toBe(next);
  expect(bodyOf(outcome)).toContain('sealed.v1.');
  expect(await given.store.ofStoredTexts.write({ face: 'r4b', writes: [writeOf('Endpoint', 'e', next)] })).toMatchObject([
    { kind: 'unchanged' },
  ]);
});

class ChangingKeys extends KeySource {
  readonly name = 'the test';
  changed = false;
  constructor(public keys: readonly SecretKey[]) {
    super();
  }
  read(): readonly SecretKey[] {
    this.changed = false;
    return this.keys;
  }
  hasChanged(): boolean {
    return this.changed;
  }
}

test('a key that a rotation has taken out of use meanwhile is not used: the new one is', async () => {
  const [oldKey, newKey] = [newSecretKey(), newSecretKey()];
  const source = new ChangingKeys([oldKey]);
  const given = new Given(new KeyRing(source));
  await given.put(endpoint('Bearer abc'));
  const stale = given.lastText;
  given.secrets.versions.length = 0;
  given.secrets.keys.splice(0, 1, newKey.id);

  source.keys = [newKey];
  source.changed = true;
  await given.store.ofStoredTexts.write({
    face: 'r4b',
    writes: [writeOf('Endpoint', 'e', stale.replace('"id":"e"', '"id":"e","x":1'))],
  });
  expect(given.lastText).toContain(`sealed.v1.${newKey.id}.`);
  await given.put(endpoint('Bearer def'));
  expect(given.lastText).toContain(`sealed.v1.${newKey.id}.`);
});

test('keys that are not those of the database refuse the write as passing, and say so in the log', async () => {
  const given = new Given();
  given.secrets.keys.push('0123456789abcdef');
  await expect(given.put(endpoint('Bearer abc'))).rejects.toMatchObject({ status: 503 });
  expect(given.told).toEqual(['The database holds secrets sealed under a key that the test does not have']);
  expect(given.units).toEqual([]);
});
