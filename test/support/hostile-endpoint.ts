import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** What is done to a connection once a whole request has come over it. */
export type Hostility = (socket: Socket, request: string) => void;

/** An endpoint that speaks raw bytes: each path has a way of misbehaving; every other path answers 200. On 127.0.0.1; `close` in `afterAll`. */
export class HostileEndpoint {
  /** Connections accepted. */
  connections = 0;
  /** The request lines that came, in order. */
  readonly requests: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private listeningPort = 0;

  private constructor(
    private readonly ways: Readonly<Record<string, Hostility>>,
    private readonly greet?: Hostility,
  ) {
    // A side that was ended by the other may still send: half-closed connections are among the ways.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.serve(socket));
  }

  /** `greet` is done to each connection before anything comes over it. */
  static async start(ways: Readonly<Record<string, Hostility>>, greet?: Hostility): Promise<HostileEndpoint> {
    const endpoint = new HostileEndpoint(ways, greet);
    await new Promise<void>((resolve) => endpoint.server.listen(0, '127.0.0.1', resolve));
    endpoint.listeningPort = (endpoint.server.address() as AddressInfo).port;
    return endpoint;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.listeningPort}/${path}`;
  }

  get port(): number {
    return this.listeningPort;
  }

  /** Connections that stand now. */
  get open(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private serve(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.sockets.delete(socket));
    socket.once('end', () => socket.end());
    this.greet?.(socket, '');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let whole = takeRequest(text); whole !== undefined; whole = takeRequest(text)) {
        text = text.slice(whole.length);
        this.requests.push(whole.slice(0, whole.indexOf('\r\n')));
        const way = /^[A-Z]+ \/([^ ?/]*)/.exec(whole)?.[1] ?? '';
        (this.ways[way] ?? answer200)(socket, whole);
      }
    });
  }
}

/** A request with its whole body, from the beginning of `text`. */
function takeRequest(text: string): string | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = head + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length < length ? undefined : text.slice(0, length);
}

const answer200: Hostility = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

/** Writes the same again and again, as fast as the other side takes it, until it goes away. */
export function pour(socket: Socket, piece: string | Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.writable) if (!socket.write(piece, 'latin1')) return;
  };
  socket.on('drain', more);
  more();
}

/** Writes a byte, or a piece, every 50 ms until the other side goes away. */
export function trickle(socket: Socket, next: () => string): void {
  const timer = setInterval(() => socket.write(next()), 50);
  socket.once('close', () => clearInterval(timer));
}

export const head = (...lines: string[]) => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');

/** 1 GiB of zeros in about a megabyte: many gzip members, one after the other. */
export const gzipBomb = (): Buffer => {
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024));
  return Buffer.concat(Array.from({ length: 64 }, () => member));
};

/** 256 MiB of zeros in some hundred bytes; the window is what a decoder must hold. */
export const brotliBomb = (windowBits: number): Buffer =>
  brotliCompressSync(Buffer.alloc(256 * 1024 * 1024), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: windowBits },
  });

export const coded = (encoding: string, body: Buffer) => (socket: Socket) => {
  socket.write(head(`Content-Encoding: ${encoding}`, `Content-Length: ${body.length}`));
  socket.write(body);
};
