import { type Config, readConfig } from './config/config.js';
import { dropOldKeys, prepareKeyFile, type Rotation, rotateKeys } from './secrets/rotate-keys.js';
import { openKeys, ownKeyFile } from './secrets/open-keys.js';
import { Vault } from './secrets/vault.js';
import { Database } from './storage/database.js';
import { PostgresKeyRegister } from './storage/key-register.js';
import { reachDatabase } from './storage/reach-database.js';
import { whileNobodyElseRotates } from './storage/rotation-lock.js';
import { PostgresStoredSecrets } from './storage/stored-secrets.js';
import { openLog } from './telemetry/log.js';

/** Replaces the key that secrets are sealed under, with the settings of the hub, which may run meanwhile. */
async function main(): Promise<void> {
  const config = readConfig();
  const database = await reachDatabase(config.storage, openLog('warn'));
  try {
    told(await whileNobodyElseRotates(database.url, () => rotate(config, database.url)));
  } finally {
    await database.close();
  }
}

async function rotate({ secrets, storage }: Config, url: string): Promise<Rotation & { file?: string }> {
  const database = new Database(url, 2, () => {});
  try {
    const register = new PostgresKeyRegister(database);
    const settings = { keys: secrets.keys, file: secrets.keyFile, dataDir: storage.dataDir };
    const open = async () => openKeys(settings, await register.ids(), () => {});
    const file = secrets.keys === undefined ? (secrets.keyFile ?? ownKeyFile(storage.dataDir)) : undefined;
    // Nothing is changed where the keys at hand are not those of this database.
    await open();
    if (file !== undefined) prepareKeyFile(file);
    const keys = await open();
    const rotation = await rotateKeys(keys, new Vault(keys), new PostgresStoredSecrets(database), register);
    if (file !== undefined) dropOldKeys(file);
    return { ...rotation, file };
  } finally {
    await database.close();
  }
}

function told({ keyId, versions, dropped, file }: Rotation & { file?: string }): void {
  const done = `Secrets are sealed under the key ${keyId} now; ${versions} versions were sealed anew.`;
  const rest =
    file === undefined ? ' SECRET_KEY needs only its first key from the next start on.' : ` ${file} holds that key alone.`;
  const gone = dropped.length === 0 ? '' : ` Out of use: ${dropped.join(', ')}.`;
  process.stdout.write(`${done}${gone}${rest}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`The key was not replaced: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
