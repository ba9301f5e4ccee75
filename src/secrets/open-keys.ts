import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KeyFile, makeKeyFile } from './key-file.js';
import { KeyRing, type KeySource, KeysUnusable, ListedKeys } from './key-ring.js';
import { newSecretKey, parseSecretKey, type SecretKey } from './secret-key.js';

export interface KeySettings {
  /** `SECRET_KEY`. */
  keys?: readonly string[];
  /** `SECRET_KEY_FILE`. */
  file?: string;
  dataDir: string;
}

/** Where the hub keeps its own keys unless a setting says otherwise. */
export const ownKeyFile = (dataDir: string) => join(dataDir, 'secret.key');

/**
 * The keys by the settings: those of `SECRET_KEY`, those of `SECRET_KEY_FILE`, or the hub's own file, made where there is none and the
 * database holds nothing sealed.
 * @param registered ids of the keys that the database's secrets are sealed under
 * @param made called with the path of a new file
 * @throws KeysUnusable where some of those are not at hand
 */
export function openKeys(settings: KeySettings, registered: readonly string[], made: (path: string) => void): KeyRing {
  const source = sourceOf(settings, registered, made);
  const ring = new KeyRing(source);
  const missing = registered.find((id) => !ring.ids.has(id));
  if (missing === undefined) return ring;
  throw new KeysUnusable(
    `The database holds secrets sealed under the key ${missing}, which ${source.name} does not have (it has ${[...ring.ids].join(', ')}). ` +
      'Start with that key; hubs on one database need the same keys.',
  );
}

function sourceOf({ keys, file, dataDir }: KeySettings, registered: readonly string[], made: (path: string) => void): KeySource {
  if (keys !== undefined) return new ListedKeys(keys.map(keyOfSetting), 'SECRET_KEY');
  if (file !== undefined) return new KeyFile(file);
  const path = ownKeyFile(dataDir);
  if (!existsSync(path)) {
    if (registered.length > 0)
      throw new KeysUnusable(
        `The database holds secrets sealed under the key ${registered.join(', ')}, but there is no key file ${path}: ` +
          'put it back, or name the key by SECRET_KEY or SECRET_KEY_FILE. Hubs on one database need the same keys.',
      );
    makeKeyFile(path, newSecretKey());
    made(path);
  }
  return new KeyFile(path);
}

function keyOfSetting(written: string): SecretKey {
  const key = parseSecretKey(written);
  if (key === undefined) throw new KeysUnusable('SECRET_KEY must be the base64 of 32 bytes');
  return key;
}
