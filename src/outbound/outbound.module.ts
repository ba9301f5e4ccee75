import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { isLoopbackHost } from '../config/loopback.js';
import { isAddressBlock } from './address-policy.js';
import { OutboundClient } from './outbound-client.js';

/** The one door for calls out of the hub. */
@Module({
  providers: [
    {
      provide: OutboundClient,
      inject: [Config],
      useFactory: (config: Config) =>
        new OutboundClient({
          policy: { allowLoopback: isLoopbackHost(config.http.host), allowed: blocksOf(config.outbound.allow) },
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

function blocksOf(text: string): string[] {
  const blocks = text
    .split(',')
    .map((block) => block.trim())
    .filter(Boolean);
  for (const block of blocks)
    if (!isAddressBlock(block)) throw new Error(`OUTBOUND_ALLOW: "${block}" is not an address block such as 10.0.0.0/8`);
  return blocks;
}
