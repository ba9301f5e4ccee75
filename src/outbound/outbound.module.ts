import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { isLoopbackHost } from '../config/loopback.js';
import { OutboundClient } from './outbound-client.js';
import type { OutboundPolicy } from './outbound-policy.js';
import { secureContextOf } from './tls-identity.js';

/** Where this hub may call; a hub that serves only its own machine may call it, too. */
export function outboundPolicyOf({ http, outbound }: Config): OutboundPolicy {
  const { allow: allowed, plainHttp, ports } = outbound;
  return { allowLoopback: isLoopbackHost(http.host), allowed, plainHttp, ports };
}

/** The one door for calls out of the hub. */
@Module({
  providers: [
    {
      provide: OutboundClient,
      inject: [Config],
      useFactory: (config: Config) =>
        new OutboundClient({
          policy: outboundPolicyOf(config),
          connectSeconds: config.outbound.connectSeconds,
          headSeconds: config.outbound.headSeconds,
          connectionsPerOrigin: config.delivery.attemptsPerHost,
          secureContext: secureContextOf(config.outbound),
        }),
    },
  ],
  exports: [OutboundClient],
})
export class OutboundModule implements OnApplicationShutdown {
  constructor(private readonly client: OutboundClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
