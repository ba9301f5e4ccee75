import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { isLoopbackHost } from '../config/loopback.js';
import { OutboundClient } from './outbound-client.js';

/** The one door for calls out of the hub. */
@Module({
  providers: [
    {
      provide: OutboundClient,
      inject: [Config],
      useFactory: (config: Config) =>
        new OutboundClient({
          policy: { allowLoopback: isLoopbackHost(config.http.host), allowed: config.outbound.allow },
          connectSeconds: 5,
          connectionsPerOrigin: config.delivery.attemptsPerHost,
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
