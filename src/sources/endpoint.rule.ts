import { readSource, refuse } from './source-definition.js';
import type { SourceStore } from './source-store.js';

interface Written {
  text: string;
  value: Record<string, unknown>;
}

/**
 * What an Endpoint demands beyond its schema where it describes a source. Endpoints without the extension are data like any other.
 * Intake's WriteRule by its shape; a stage does not import another.
 */
export class EndpointRule {
  readonly type = 'Endpoint';

  constructor(
    private readonly store: SourceStore,
    private readonly ownBases: readonly string[],
    /** Why the hub would never call the address, as far as it shows. */
    private readonly refusalOfAddress: (url: URL) => string | undefined = () => undefined,
  ) {}

  /** @throws FhirError 422 naming the element */
  async apply(next: Written, id: string): Promise<Written> {
    const source = readSource(next.value, id, 0);
    if (source === undefined) return next;
    if (this.ownBases.some((base) => source.address === base || source.address.startsWith(`${base}/`))) {
      throw refuse('This is the address of the hub itself; polling it would only bring back what it holds.', 'Endpoint.address');
    }
    const url = new URL(source.address);
    const refusal = this.refusalOfAddress(url);
    if (refusal !== undefined) throw refuse(`The address ${url.host} ${refusal}.`, 'Endpoint.address');
    const others = await this.otherSources(id);
    for (const { endpointId, idPrefix } of others) {
      if (!idPrefix.startsWith(source.idPrefix) && !source.idPrefix.startsWith(idPrefix)) continue;
      throw refuse(
        `Ids under the prefix '${source.idPrefix}' could meet those of Endpoint/${endpointId} ('${idPrefix}'); choose another idPrefix.`,
        'Endpoint.extension',
      );
    }
    // An Endpoint that a source brings gets an id under its prefix: it must not take the place of one that steers the hub.
    for (const owner of [source, ...others]) {
      const taken = [source, ...others].find(({ endpointId }) => endpointId.startsWith(owner.idPrefix));
      if (taken === undefined) continue;
      throw refuse(
        `Ids that begin with '${owner.idPrefix}' belong to that source, so Endpoint/${taken.endpointId} cannot be a source itself.`,
        'Endpoint.id',
      );
    }
    return next;
  }

  private async otherSources(id: string) {
    const others = (await this.store.endpoints()).filter((endpoint) => endpoint.id !== id);
    return others.flatMap((endpoint) => {
      try {
        const source = readSource(JSON.parse(endpoint.body) as Record<string, unknown>, endpoint.id, endpoint.version);
        return source === undefined ? [] : [source];
      } catch {
        return [];
      }
    });
  }
}
