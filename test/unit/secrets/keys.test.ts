import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KeyFile, makeKeyFile, readKeyFile, replaceKeyFile } from '../../../src/secrets/key-file.js';
import { KeyRing, KeysUnusable } from '../../../src/secrets/key-ring.js';
import { openKeys, ownKeyFile } from '../../../src/secrets/open-keys.js';
import { newSecretKey } from '../../../src/secrets/secret-key.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-keys-'));
  path = ownKeyFile(folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const [first, second] = [newSecretKey(), newSecretKey()];
const modeOf = (file: string) => statSync(file).mode & 0o777;
const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(KeysUnusable);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('It was taken');
};

describe('a key file', () => {
  test('is made once, for its owner alone; whoever comes second keeps the first one', () => {
    makeKeyFile(path, first);
    makeKeyFile(path, second);
    expect(readKeyFile(path)).toEqual([first]);
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['secret.key']);
  });

  test('is replaced at once, keeps its mode, and stays where a link leads to it', () => {
    makeKeyFile(path, first);
    const link = join(folder, 'link.key');
    symlinkSync(path, link);
    replaceKeyFile(link, [second, first]);
    expect(readKeyFile(path)).toEqual([second, first]);
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['link.key', 'secret.key']);
  });

  test.each([0o640, 0o604, 0o660, 0o622, 0o644])('that others may open (mode %i) is refused', (mode) => {
    makeKeyFile(path, first);
    chmodSync(path, mode);
    expect(refusal(() => readKeyFile(path))).toContain(`(mode ${mode.toString(8)}); chmod 600 it`);
  });

  test.each(['', '# only a comment\n', 'no key\n', `${first.bytes.toString('base64')} x\n`])(
    'that holds %j is refused',
    (content) => {
      writeFileSync(path, content, { mode: 0o600 });
      expect(refusal(() => readKeyFile(path))).toContain('must hold keys, one a line');
    },
  );

  test('that is missing is refused where it was named', () => {
    expect(refusal(() => openKeys({ file: path, dataDir: folder }, [], () => {}))).toContain('cannot be read');
  });
});

describe('the keys of a hub', () => {
  const options = () => ({ dataDir: folder });

  test('are made where the database holds nothing sealed yet, and found again', () => {
    const made: string[] = [];
    const ring = openKeys(options(), [], (file) => made.push(file));
    expect(made).toEqual([path]);
    const again = openKeys(options(), [ring.sealing().id], (file) => made.push(file));
    expect(again.sealing()).toEqual(ring.sealing());
    expect(made).toHaveLength(1);
  });

  test('are not made anew where the database holds what another key sealed', () => {
    expect(refusal(() => openKeys(options(), [first.id], () => {}))).toMatch(new RegExp(`${first.id}.*no key file ${path}`));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('must open what the database holds', () => {
    makeKeyFile(path, second);
    const message = refusal(() => openKeys(options(), [first.id, second.id], () => {}));
    expect(message).toContain(first.id);
    expect(message).not.toContain(second.bytes.toString('base64'));
    replaceKeyFile(path, [second, first]);
    expect(openKeys(options(), [first.id, second.id], () => {}).sealing()).toEqual(second);
  });

  test('of a setting come before any file, which is not made', () => {
    const keys = [first, second].map(({ bytes }) => bytes.toString('base64'));
    const ring = openKeys({ ...options(), keys }, [second.id], () => {});
    expect([ring.sealing(), ring.opening(second.id)]).toEqual([first, second]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('keys at hand', () => {
  test('follow their file, and those that left it still open', () => {
    makeKeyFile(path, first);
    const ring = new KeyRing(new KeyFile(path));
    expect(ring.opening(second.id)).toBeUndefined();
    replaceKeyFile(path, [second, first]);
    expect(ring.sealing()).toEqual(second);
    replaceKeyFile(path, [second]);
    expect(ring.sealing()).toEqual(second);
    expect(ring.opening(first.id)).toEqual(first);
  });

  test('learn a key that another process put into the file when they meet what it sealed', () => {
    makeKeyFile(path, first);
    const ring = new KeyRing(new KeyFile(path));
    replaceKeyFile(path, [second, first]);
    expect(ring.opening(second.id)).toEqual(second);
  });

  test('stay as they are while their file cannot be read', () => {
    makeKeyFile(path, first);
    const ring = new KeyRing(new KeyFile(path));
    const content = readFileSync(path, 'utf8');
    for (const spoil of [() => rmSync(path), () => writeFileSync(path, 'nonsense', { mode: 0o600 })]) {
      spoil();
      expect(ring.sealing()).toEqual(first);
    }
    writeFileSync(path, content.replace(first.bytes.toString('base64'), second.bytes.toString('base64')));
    expect(ring.sealing()).toEqual(second);
  });
});
