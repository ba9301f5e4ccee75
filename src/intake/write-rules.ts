import type { Face } from '../fhir/change.js';
import type { Issue } from '../fhir/fhir-error.js';
import type { RuledResource, WriteRule } from './write-rule.js';

/** The rules of all modules, in the order they were added. A module adds its own when it starts. */
export class WriteRules {
  private readonly rules = new Map<string, WriteRule[]>();

  add(rule: WriteRule): void {
    this.rules.set(rule.type, [...(this.rules.get(rule.type) ?? []), rule]);
  }

  /** @throws FhirError 422 naming the element */
  async apply(type: string, resource: RuledResource, id: string, face: Face): Promise<RuledResource> {
    let ruled = resource;
    for (const rule of this.rules.get(type) ?? []) ruled = await rule.apply(ruled, id, face);
    return ruled;
  }

  async remarks(type: string, value: Record<string, unknown>, id: string, face: Face): Promise<readonly Issue[]> {
    const remarks: Issue[] = [];
    for (const rule of this.rules.get(type) ?? []) remarks.push(...((await rule.remarks?.(value, id, face)) ?? []));
    return remarks;
  }

  /** @throws FhirError where the rules of the type keep the resource */
  async checkDelete(type: string, id: string, face: Face): Promise<void> {
    for (const rule of this.rules.get(type) ?? []) await rule.checkDelete?.(id, face);
  }

  /** True where nothing has to be asked: most types. */
  isFree(type: string): boolean {
    return !this.rules.has(type);
  }
}
