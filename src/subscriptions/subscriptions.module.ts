import { Module, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/config.js';
import { WriteRules } from '../intake/write-rules.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { PostgresStoredSubscriptions } from '../storage/stored-subscriptions.js';
import { CurrentCatalog } from '../topics/current-catalog.js';
import { StoredSubscriptions } from './stored-subscriptions.js';
import { SubscriptionRule } from './subscription-rule.js';

/** The rule for writing Subscriptions. */
@Module({
  providers: [
    {
      provide: StoredSubscriptions,
      inject: [Database],
      useFactory: (database: Database) => new PostgresStoredSubscriptions(database),
    },
    {
      provide: SubscriptionRule,
      inject: [StoredSubscriptions, CurrentCatalog, SearchSemantics, Config],
      useFactory: (stored: StoredSubscriptions, catalog: CurrentCatalog, semantics: SearchSemantics, { mail }: Config) =>
        new SubscriptionRule(stored, catalog, semantics, () => new Date(), mail.smtpUrl !== undefined),
    },
  ],
  exports: [SubscriptionRule],
})
export class SubscriptionsModule implements OnModuleInit {
  constructor(
    private readonly rules: WriteRules,
    private readonly rule: SubscriptionRule,
  ) {}

  onModuleInit(): void {
    this.rules.add(this.rule);
  }
}
