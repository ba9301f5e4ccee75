/** A ping is put in after so many bytes even while another waits for its answer, so that a slow line proves bit by bit what it takes. */
const PROOF_EVERY_BYTES = 64 * 1024;

/**
 * Which events have arrived at the other end of a websocket. The FHIR websocket has no acknowledgement, but the protocol below it has: a
 * pong bears the text of its ping, and what was sent before that ping arrived before it.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
 */
export class ArrivalProof {
  /** By subscription the last number sent since the last ping. */
  private unasked = new Map<string, number>();
  private bytes = 0;
  /** Pings without an answer, in order, and what their answers prove. */
  private asked: { ping: number; numbers: Map<string, number> }[] = [];
  private pings = 0;

  constructor(
    private readonly ping: (text: string) => void,
    private readonly arrived: (subscriptionId: string, number: number) => void,
  ) {}

  /** An event was handed to the socket. */
  sent(subscriptionId: string, number: number, bytes: number): void {
    this.unasked.set(subscriptionId, Math.max(number, this.unasked.get(subscriptionId) ?? 0));
    this.bytes += bytes;
    if (this.bytes >= PROOF_EVERY_BYTES) this.ask();
  }

  /** Asks for what was sent, unless an answer is still to come: it leads to the next question. */
  askSoon(): void {
    if (this.asked.length === 0 && this.unasked.size > 0) this.ask();
  }

  /** Asks at once; also the sign of life. */
  ask(): void {
    this.pings += 1;
    this.asked.push({ ping: this.pings, numbers: this.unasked });
    this.unasked = new Map();
    this.bytes = 0;
    this.ping(String(this.pings));
  }

  /** A pong came. One for a later ping stands for those before it; an unasked one for nothing. */
  answered(text: string): void {
    const ping = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    if (ping > this.pings) return;
    while (this.asked[0] !== undefined && this.asked[0].ping <= ping) {
      for (const [subscriptionId, number] of this.asked.shift()!.numbers) this.arrived(subscriptionId, number);
    }
    this.askSoon();
  }

  /** Nothing that is still to be answered counts for this subscription any more. */
  forget(subscriptionId: string): void {
    this.unasked.delete(subscriptionId);
    for (const { numbers } of this.asked) numbers.delete(subscriptionId);
  }
}
