/** Collects a body up to a bound, in memory of its own: a thousand chunks of a byte must not hold on to a thousand read buffers. */
export class AnswerBody {
  private buffer = Buffer.alloc(0);
  private size = 0;

  constructor(private readonly most: number) {}

  /** False: there was no room for all of it. */
  add(chunk: Buffer): boolean {
    const taken = Math.min(chunk.length, this.most - this.size);
    if (this.size + taken > this.buffer.length) this.grow(this.size + taken);
    chunk.copy(this.buffer, this.size, 0, taken);
    this.size += taken;
    return taken === chunk.length;
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.size);
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.most, Math.max(needed, this.buffer.length * 2, 256)));
    this.buffer.copy(larger, 0, 0, this.size);
    this.buffer = larger;
  }
}
