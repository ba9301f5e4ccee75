import { randomBytes } from 'node:crypto';
import { readKeyFile, replaceKeyFile } from './key-file.js';
import type { KeyRegister } from './key-register.js';
import { type KeyRing, KeysUnusable } from './key-ring.js';
import { newSecretKey } from './secret-key.js';
import type { StoredSecrets } from './stored-secrets.js';
import type { Vault } from './vault.js';

/** Versions that one transaction seals anew: few enough that nobody waits for it. */
const AT_ONCE = 200;

export interface Rotation {
  /** Id of the key that everything is sealed under now. */
  keyId: string;
  /** Versions that were sealed anew by this run. */
  versions: number;
  /** Ids of the keys that are no longer needed. */
  dropped: readonly string[];
}

/**
 * Puts a new key in front of those in the file, unless an earlier rotation did so and did not come to its end: then that one goes on.
 * @throws KeysUnusable
 */
export function prepareKeyFile(path: string): void {
  const keys = readKeyFile(path);
  if (keys.length === 1) replaceKeyFile(path, [newSecretKey(), ...keys]);
}

/** Leaves only the first key in the file. */
export function dropOldKeys(path: string): void {
  replaceKeyFile(path, readKeyFile(path).slice(0, 1));
}

/**
 * Seals everything under the first key and takes all others out of the register. Hubs may work meanwhile: what they store under an old key
 * is sealed anew, and from the last step on they cannot. May be cut short anywhere and run again.
 * @throws KeysUnusable where a key that is needed is not at hand, or there is no new one
 */
export async function rotateKeys(
  keys: KeyRing,
  vault: Vault,
  stored: StoredSecrets,
  register: KeyRegister,
  atOnce = AT_ONCE,
): Promise<Rotation> {
  if (keys.ids.size === 1)
    throw new KeysUnusable(
      `${keys.name} has one key only. Put a new one before it (for example ${exampleOfUse()}), restart every hub with both, and run this again.`,
    );
  const keyId = keys.sealing().id;
  if (!(await register.enter(keyId, keys.ids)))
    throw new KeysUnusable(
      `The database holds secrets sealed under a key that ${keys.name} does not have: add it behind the new one.`,
    );
  const before = await register.ids();
  let versions = 0;
  do {
    for (;;) {
      const sealed = await stored.sealAgain(keyId, atOnce, ({ type, id, body }) => vault.renew(type, id, body));
      if (sealed === 0) break;
      versions += sealed;
    }
  } while (!(await stored.keepOnly(keyId)));
  return { keyId, versions, dropped: before.filter((id) => id !== keyId) };
}

/** One that is no key of anybody. */
function exampleOfUse(): string {
  return `SECRET_KEY=${randomBytes(32).toString('base64')},…`;
}
