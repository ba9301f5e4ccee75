/** An answer of a source, its body read whole. */
export interface SourceResponse {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
}

/** HTTP as polling needs it: guarded, without redirects, bounded in time and size. */
export abstract class SourceClient {
  /** @throws Error when no whole answer came: refused, timed out, too large, not allowed */
  abstract get(url: string, headers: readonly (readonly [string, string])[], signal: AbortSignal): Promise<SourceResponse>;
}
