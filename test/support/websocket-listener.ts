import WebSocket from 'ws';
import { waitFor } from './wait-for.js';

/** A client of the FHIR websocket that keeps what it is told. */
export class WebsocketListener {
  readonly frames: string[] = [];
  closed?: { code: number; reason: string };

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.frames.push(String(data as Buffer)));
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    socket.on('error', () => {});
  }

  static async open(url: string): Promise<WebsocketListener> {
    const listener = new WebsocketListener(new WebSocket(url));
    await waitFor(() => listener.socket.readyState === WebSocket.OPEN, { what: 'the websocket to open' });
    return listener;
  }

  say(text: string): void {
    this.socket.send(text);
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any resource
  get bundles(): any[] {
    return this.frames.filter((frame) => frame.startsWith('{')).map((frame) => JSON.parse(frame));
  }

  async close(): Promise<void> {
    this.socket.close();
    await waitFor(() => this.closed !== undefined, { what: 'the websocket to close' });
  }
}
