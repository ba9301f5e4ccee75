import { fileURLToPath } from 'node:url';
import { Global, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { ChangeStore } from '../intake/change-store.js';
import { WriteRules } from '../intake/write-rules.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { ChangeStoreSeeds } from '../storage/seed-store.js';
import { PostgresStoredTopics } from '../storage/stored-topics.js';
import { Log } from '../telemetry/log.js';
import { BasicRule } from './basic-rule.js';
import { CurrentCatalog } from './current-catalog.js';
import { readSeedTopics, SEED_FOLDER, SeedStore, seedTopics } from './seed-topics.js';
import { StoredTopics } from './stored-topics.js';
import { TopicRule } from './topic-rule.js';

/** The catalog of topics, the rule for writing them, and the topics that come with the hub. */
@Global()
@Module({
  providers: [
    { provide: StoredTopics, inject: [Database], useFactory: (database: Database) => new PostgresStoredTopics(database) },
    {
      provide: CurrentCatalog,
      inject: [StoredTopics, SearchSemantics],
      useFactory: (stored: StoredTopics, semantics: SearchSemantics) => new CurrentCatalog(stored, semantics),
    },
    { provide: BasicRule, inject: [StoredTopics], useFactory: (stored: StoredTopics) => new BasicRule(stored) },
    {
      provide: TopicRule,
      inject: [SearchSemantics, CurrentCatalog, CurrentParameters],
      useFactory: (semantics: SearchSemantics, catalog: CurrentCatalog, current: CurrentParameters) =>
        new TopicRule(semantics, catalog, current),
    },
    {
      provide: SeedStore,
      inject: [ChangeStore, StoredTopics, WriteRules],
      useFactory: (changes: ChangeStore, stored: StoredTopics, rules: WriteRules) => new ChangeStoreSeeds(changes, stored, rules),
    },
  ],
  exports: [CurrentCatalog, StoredTopics],
})
export class TopicsModule implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly rules: WriteRules,
    private readonly rule: TopicRule,
    private readonly basicRule: BasicRule,
    private readonly seeds: SeedStore,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.rules.add(this.rule);
    this.rules.add(this.basicRule);
  }

  async onApplicationBootstrap(): Promise<void> {
    const written = await seedTopics(readSeedTopics(fileURLToPath(SEED_FOLDER)), this.seeds);
    if (written.length > 0) this.log.info({ topics: written }, 'topics.seeded');
  }
}
