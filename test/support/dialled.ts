import { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

type Connect = Socket['connect'];

/**
 * Sees every address that a socket of this process is told to connect to, at the one place through which all of them go, and lets only
 * loopback ones proceed: nothing a test does can leave the machine. `end` in `afterAll`.
 */
export class Dialled {
  readonly addresses: string[] = [];
  private readonly original: Connect = Socket.prototype.connect;

  constructor() {
    const { addresses, original } = this;
    Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
      const options = [args[0]].flat()[0] as string | { host?: string; path?: string };
      // A Unix socket: the test's database.
      if (typeof options === 'string' || options.path !== undefined) return original.apply(this, args as Parameters<Connect>);
      const host = options.host ?? 'localhost';
      addresses.push(host);
      if (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
        return original.apply(this, args as Parameters<Connect>);
      process.nextTick(() => this.destroy(new Error(`${host} is not called from a test`)));
      return this;
    } as Connect;
  }

  clear(): void {
    this.addresses.length = 0;
  }

  end(): void {
    Socket.prototype.connect = this.original;
  }
}
