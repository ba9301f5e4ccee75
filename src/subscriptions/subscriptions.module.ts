import { Module, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/config.js';
import { WriteRules } from '../intake/write-rules.js';
import { outboundPolicyOf } from '../outbound/outbound.module.js';
import { refusalOfEndpoint } from '../outbound/outbound-policy.js';
import { SecretView } from '../secrets/secret-view.js';
import { Vault } from '../secrets/vault.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { PostgresStoredSubscriptions } from '../storage/stored-subscriptions.js';
import { Log } from '../telemetry/log.js';
import { CurrentCatalog } from '../topics/current-catalog.js';
import { ShownSubscriptions } from './shown-subscriptions.js';
import { StoredSubscriptions } from './stored-subscriptions.js';
import { SubscriptionRule } from './subscription-rule.js';

/** The rule for writing Subscriptions. */
@Module({
  providers: [
    {
      provide: StoredSubscriptions,
      inject: [Database, Vault, Log],
      // The rule compares what is written with what is stored.
      useFactory: (database: Database, vault: Vault, log: Log) => {
        const view = new SecretView(vault, 'reader', (err) => log.error({ err }, 'secrets.unreadable'));
        return new ShownSubscriptions(new PostgresStoredSubscriptions(database), view);
      },
    },
    {
      provide: SubscriptionRule,
      inject: [StoredSubscriptions, CurrentCatalog, SearchSemantics, CurrentParameters, Config],
      useFactory: (
        stored: StoredSubscriptions,
        catalog: CurrentCatalog,
        semantics: SearchSemantics,
        current: CurrentParameters,
        config: Config,
      ) => {
        const policy = outboundPolicyOf(config);
        return new SubscriptionRule(
          stored,
          catalog,
          semantics,
          () => new Date(),
          config.mail.smtpUrl !== undefined,
          (url) => refusalOfEndpoint(url, policy),
          current,
        );
      },
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
