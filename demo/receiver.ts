import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  method: string;
  /** Path of the request, which tells the subscriptions of one receiver apart. */
  path: string;
  body: string;
  /** Of the header `webhook-id`. */
  webhookId: string | undefined;
  /** `performance.now()` when the request had come in whole. */
  at: number;
}

/** An endpoint that takes every notification and answers 200 at once. */
export class Receiver {
  url = '';
  private readonly server: Server;

  constructor(onArrival: (arrival: Arrival) => void) {
    this.server = createServer((request, response) => {
      void readBody(request).then((body) => {
        const at = performance.now();
        response.writeHead(200).end();
        const webhookId = request.headers['webhook-id']?.toString();
        onArrival({ method: request.method ?? '', path: request.url ?? '', body, webhookId, at });
      });
    });
    this.server.keepAliveTimeout = 60_000;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
