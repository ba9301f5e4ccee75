import type { Change } from '../../../src/fhir/change.js';
import { type Label, type LabelsInUse, MetaInUse } from '../../../src/pull/meta-in-use.js';
import { currentOf } from './current-of.js';

/** Labels in memory: reads all there is. Trusted because it passes the same contract suite as the Postgres one. */
export class MemoryMetaInUse extends MetaInUse {
  constructor(private readonly log: readonly Change[]) {
    super();
  }

  override async of(types: readonly string[]): Promise<LabelsInUse> {
    const metas = currentOf(this.log)
      .filter(({ type }) => types.includes(type))
      .map(({ body }) => (JSON.parse(body!) as { meta: { profile?: string[]; security?: Label[]; tag?: Label[] } }).meta);
    return {
      profile: [...new Set(metas.flatMap(({ profile = [] }) => profile))].sort(),
      security: united(metas.flatMap(({ security = [] }) => security)),
      tag: united(metas.flatMap(({ tag = [] }) => tag)),
    };
  }
}

/** Each system and code once, with the first of its displays. */
function united(labels: readonly Label[]): Label[] {
  const found = new Map<string, Label>();
  for (const { system, code, display } of labels) {
    if (system === undefined && code === undefined) continue;
    // What has no system comes after what has one.
    const key = `${system ?? '\uffff'}\n${code ?? '\uffff'}`;
    const known = found.get(key)?.display;
    const shown = known === undefined || (display !== undefined && display < known) ? display : known;
    found.set(key, {
      ...(system === undefined ? {} : { system }),
      ...(code === undefined ? {} : { code }),
      ...(shown === undefined ? {} : { display: shown }),
    });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label);
}
