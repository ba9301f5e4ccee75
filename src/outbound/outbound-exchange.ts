export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: URL;
  headers: readonly (readonly [name: string, value: string])[];
  body?: string | Buffer;
  /** For everything: connection, answer and its body. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Most bytes of the answer's body to read, decompressed ones where it came so; what follows is cut off with the connection. */
  maxAnswerBytes?: number;
}

export interface OutboundAnswer {
  kind: 'answered';
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Decompressed where it came compressed. */
  body: Buffer;
  /** Whether the body came to its end in time and within its bounds. */
  complete: boolean;
  milliseconds: number;
}

export interface OutboundFailure {
  kind: 'failed';
  fault: 'refused' | 'timeout' | 'aborted' | 'tls' | 'network';
  detail: string;
  milliseconds: number;
}
