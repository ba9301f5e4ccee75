import { FhirError } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import { type CustomParameter, percentOf, progressOf, type TypeWalk } from '../search/custom/custom-definition.js';
import type { DefinitionState, ParameterStore } from '../search/custom/parameter-store.js';
import { code, group, number, parametersText, type Part, text } from './parameter-parts.js';
import type { ResourceReader } from './resource-reader.js';

/** How far a search parameter of a client's is from being used, and its index made anew. */
export class Reindexing {
  constructor(
    private readonly reader: Pick<ResourceReader, 'current'>,
    private readonly store: Pick<ParameterStore, 'state' | 'load'>,
    private readonly parameters: Pick<CurrentParameters, 'again'>,
  ) {}

  /** @throws FhirError 404, 410 */
  async status(id: string): Promise<string> {
    const current = await this.reader.current('SearchParameter', id);
    if (current === undefined) throw new FhirError('not-found', `There is no SearchParameter/${id}`);
    if (current.body === null) throw new FhirError('deleted', `SearchParameter/${id} was deleted at ${current.at.toISOString()}`);
    const { walks } = await this.store.load();
    return parametersText(partsOf(current.version, await this.store.state(id), walks));
  }

  /** @throws FhirError 404, 410, 422 where the parameter is not used */
  async again(id: string): Promise<string> {
    const before = await this.status(id);
    if (await this.parameters.again(id)) return this.status(id);
    throw new FhirError(
      'business-rule',
      `SearchParameter/${id} is not used (${reasonIn(before)}), so there is no index of it`,
      'SearchParameter.status',
    );
  }
}

function partsOf(version: number, state: DefinitionState | undefined, walks: readonly TypeWalk[]): Part[] {
  // Between being stored and being taken up lies a moment.
  if (state === undefined || state.version !== version) return [code('state', 'waiting')];
  const { id, definition, generation, reason } = state;
  if (definition === undefined) return [code('state', 'unused'), text('reason', reason)];
  const parameter: CustomParameter = { id, definition, generation };
  const types = Object.keys(definition.rows);
  const progress = progressOf(parameter, walks);
  if (progress === undefined) return [code('state', 'usable'), number('percent', 100), number('types', types.length)];
  const open = walks.filter(({ type, done }) => types.includes(type) && done < generation);
  return [
    code('state', 'indexing'),
    number('percent', percentOf(progress)),
    number('walked', progress.walked),
    number('total', progress.total),
    number('types', types.length),
    text('reason', open.find((walk) => walk.reason !== null)?.reason ?? undefined),
    ...open.map((walk) => walkPart(walk, generation)),
  ];
}

function walkPart({ type, walking, walked, total, reason }: TypeWalk, generation: number): Part {
  const isIts = walking !== null && walking >= generation;
  return group('walk', [
    code('type', type),
    code('state', isIts ? 'walking' : 'waiting'),
    ...(isIts ? [number('walked', walked), number('total', total)] : []),
    text('reason', reason ?? undefined),
  ]);
}

function reasonIn(status: string): string {
  const { parameter } = JSON.parse(status) as { parameter: { name: string; valueString?: string }[] };
  return parameter.find(({ name }) => name === 'reason')?.valueString ?? 'it was not taken up yet';
}
