import { Counter, Gauge, type Registry } from 'prom-client';

type SocketKind = 'websocket' | 'live';
/** `slow`: did not read; `ended`: nothing left to tell; `refused`: a bad token or too many messages; `silent`: no answer to a ping. */
export type SocketEnd = 'slow' | 'ended' | 'refused' | 'silent' | 'stopping' | 'error' | 'client';

export interface SocketsOpen {
  open: number;
  /** Handed to sockets and not yet taken by the other side. */
  waitingBytes: number;
}

const KINDS = ['websocket', 'live'] as const;

/** Sockets that this process holds. */
export class SocketRecorder {
  private readonly closings: Counter;
  private readonly reads = new Map<SocketKind, () => SocketsOpen>();

  constructor(registry: Registry) {
    this.closings = new Counter({
      name: 'carillon_sockets_closed_total',
      help: 'Sockets that have closed, by kind and reason',
      labelNames: ['kind', 'reason'],
      registers: [registry],
    });
    for (const kind of KINDS) for (const reason of ['slow', 'client'] as const) this.closings.inc({ kind, reason }, 0);
    this.show(registry, 'carillon_sockets_open', 'Sockets open at this process', ({ open }) => open);
    this.show(
      registry,
      'carillon_sockets_waiting_bytes',
      'Bytes handed to sockets that have not left yet',
      ({ waitingBytes }) => waitingBytes,
    );
  }

  closed(kind: SocketKind, reason: SocketEnd): void {
    this.closings.inc({ kind, reason });
  }

  /** Where the sockets of a kind are to be counted. */
  socketsAre(kind: SocketKind, read: () => SocketsOpen): void {
    this.reads.set(kind, read);
  }

  private show(registry: Registry, name: string, help: string, pick: (sockets: SocketsOpen) => number): void {
    const { reads } = this;
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        for (const [kind, read] of reads) this.set({ kind }, pick(read()));
      },
    });
  }
}
