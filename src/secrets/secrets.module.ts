import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../storage/database.js';
import { PostgresKeyRegister } from '../storage/key-register.js';
import { makeDataDir } from '../storage/postgres/data-dir.js';
import { PostgresStoredSecrets } from '../storage/stored-secrets.js';
import { Log } from '../telemetry/log.js';
import { KeyRegister } from './key-register.js';
import { KeyRing } from './key-ring.js';
import { openKeys } from './open-keys.js';
import { sealWhatIsPlain } from './seal-stored.js';
import { Vault } from './vault.js';

/** The keys and what is done with them. Global: secrets come in, go out and are shown in many places. */
@Global()
@Module({
  providers: [
    {
      provide: KeyRegister,
      inject: [Database],
      useFactory: (database: Database) => new PostgresKeyRegister(database),
    },
    {
      provide: KeyRing,
      inject: [Config, KeyRegister, Log],
      useFactory: async ({ secrets, storage }: Config, register: KeyRegister, log: Log) => {
        const settings = { keys: secrets.keys, file: secrets.keyFile, dataDir: storage.dataDir };
        if (settings.keys === undefined && settings.file === undefined) makeDataDir(storage.dataDir);
        return openKeys(settings, await register.ids(), (file) => log.info({ file }, 'secrets.key-made'));
      },
    },
    {
      provide: Vault,
      inject: [KeyRing, Database, Log],
      // What an older release stored in plain is sealed before anything is served.
      useFactory: async (keys: KeyRing, database: Database, log: Log) => {
        const vault = new Vault(keys);
        const versions = await sealWhatIsPlain(new PostgresStoredSecrets(database), vault);
        if (versions > 0) log.info({ versions }, 'secrets.sealed');
        return vault;
      },
    },
  ],
  exports: [KeyRegister, KeyRing, Vault],
})
export class SecretsModule {}
