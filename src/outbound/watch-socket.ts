import type { Socket } from 'node:net';

/** The peer closed a connection that had served before, without a byte in answer to what was sent last. */
export class ClosedWhileIdle extends Error {
  override readonly name = 'ClosedWhileIdle';
  readonly code = 'CLOSED_WHILE_IDLE';
}

/** The peer sent far more than any answer is long. */
export class TooManyBytes extends Error {
  override readonly name = 'TooManyBytes';
  readonly code = 'TOO_MANY_BYTES';
}

/**
 * Watches a connection for two things that only the socket knows. A peer that ends a kept connection while a request is on its way has
 * most likely not seen the request: told apart from other ends, because that request may be sent again at once. And a bound on the raw
 * bytes after each request, since what frames a body (chunk extensions, interim answers) is not counted with it and can go on for ever.
 */
export function watchSocket(socket: Socket, mostBytes: number): void {
  let written = 0;
  let read = 0;
  let readBefore = 0;
  const look = () => {
    // The end of a stream is readable, too, and brings nothing.
    if (socket.bytesRead === read) return;
    if (socket.bytesWritten !== written) {
      written = socket.bytesWritten;
      readBefore = read;
    }
    read = socket.bytesRead;
    if (read - readBefore > mostBytes) socket.destroy(new TooManyBytes('the answer is too long'));
  };
  const silent = () => read > 0 && socket.bytesRead === read && socket.bytesWritten !== written;
  socket.on('readable', look);
  socket.once('end', () => {
    if (silent()) socket.destroy(new ClosedWhileIdle('the connection had been closed by the other side'));
  });
  socket.once('error', (error: NodeJS.ErrnoException) => {
    if ((error.code === 'ECONNRESET' || error.code === 'EPIPE') && silent()) error.code = 'CLOSED_WHILE_IDLE';
  });
}
