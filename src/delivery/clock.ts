/** Time as this process sees it, in milliseconds, and a call back after some of them. */
export interface Clock {
  now(): number;
  /** Returns what takes the call back again. */
  after(milliseconds: number, call: () => void): () => void;
}

export const processClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};
