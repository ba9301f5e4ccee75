import { randomUUID } from 'node:crypto';

import type { Face } from '../fhir/change.js';
import { definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { isJsonObject, type JsonObject } from '../fhir/json-object.js';
import { validateResource } from '../fhir/validate-resource.js';
import type { RuleEnd, RuleProcess } from '../validation/rule-process.js';
import type { FaceReader } from './face-reader.js';
import type { WriteChecks } from './write-checks.js';

/** A validation lists all there is to mend; a hostile resource must not cost an answer without end. */
const MOST_FINDINGS = 500;

export interface ValidationRequest {
  face: Face;
  type: string;
  /** At the level of an instance. */
  id?: string;
  mode?: string;
  profile?: string;
  resource?: JsonObject;
  /** Version of `If-Match`. */
  ifMatch?: number;
}

/** Whether a resource is one that the hub would take, and what has to be mended where it is not. Stores nothing. */
export class Validations {
  constructor(
    private readonly reader: FaceReader,
    private readonly checks: WriteChecks,
    private readonly rules: Pick<RuleProcess, 'check'>,
    private readonly ruleMilliseconds: number,
  ) {}

  /** The findings; information alone where all is well. @throws FhirError 400 for a question that cannot be answered */
  async run(request: ValidationRequest): Promise<Issue[]> {
    checkQuestion(request);
    const findings = await this.findingsOf(request);
    findings.push(...uncheckedProfiles(request));
    if (findings.every(({ severity }) => severity === 'warning' || severity === 'information')) findings.unshift(ALL_WELL);
    return findings;
  }

  private async findingsOf(request: ValidationRequest): Promise<Issue[]> {
    if (request.mode === 'delete') return this.ofRemoval(request);
    const { type, resource, mode, id } = request;
    const found = contentFindings(resource!, type);
    if (mode === 'update' && resource!['id'] !== id) found.push(wrongId(resource!['id'], type, id!));
    const fits = found.length === 0;
    if (found.length < MOST_FINDINGS) found.push(...(await this.ofDefinitions(resource!, MOST_FINDINGS - found.length)));
    if (found.length >= MOST_FINDINGS) found.push(information(`No more than ${MOST_FINDINGS} findings are listed`));
    if (!fits || mode === undefined) return found;
    if (mode === 'update') found.push(...(await this.ofVersion(request)));
    return [...found, ...(await this.ofType(request))];
  }

  /** What the definitions ask beyond the structure. */
  private async ofDefinitions(resource: JsonObject, most: number): Promise<Issue[]> {
    const { issues, end } = await this.rules.check({
      text: JSON.stringify(resource),
      most,
      milliseconds: this.ruleMilliseconds,
    });
    const left = NOT_ALL[end];
    return left === undefined ? issues : [...issues, { severity: 'warning', ...left }];
  }

  private async ofType({ face, type, id, resource }: ValidationRequest): Promise<readonly Issue[]> {
    try {
      return await this.checks.content(face, type, id ?? randomUUID(), resource!);
    } catch (error) {
      return refusalIn(error);
    }
  }

  private async ofRemoval(request: ValidationRequest): Promise<Issue[]> {
    const { face, type, id } = request;
    const found = await this.ofVersion(request);
    try {
      await this.checks.removal(face, type, id!);
    } catch (error) {
      found.push(...refusalIn(error));
    }
    const current = await this.reader.current(face, type, id!);
    if (current?.body == null) found.push(information(`There is no ${type}/${id} to delete`));
    return found;
  }

  private async ofVersion({ face, type, id, ifMatch }: ValidationRequest): Promise<Issue[]> {
    if (ifMatch === undefined) return [];
    const current = await this.reader.current(face, type, id!);
    if (current?.body != null && current.version === ifMatch) return [];
    const found = current?.body == null ? 'there is no such resource' : `its current version is ${current.version}`;
    return [
      { code: 'conflict', diagnostics: `If-Match asks for another version of ${type}/${id}: ${found}`, expression: 'If-Match' },
    ];
  }
}

function checkQuestion({ mode, id, resource }: ValidationRequest): void {
  if (mode !== undefined && !MODES.has(mode))
    throw new FhirError('value', `mode is create, update or delete, not "${mode.slice(0, 50)}"`, 'mode');
  if ((mode === 'update' || mode === 'delete') && id === undefined)
    throw new FhirError('value', `The mode ${mode} is asked of one resource: POST [type]/[id]/$validate`, 'mode');
  if (resource === undefined && mode !== 'delete')
    throw new FhirError('required', 'Send the resource to validate, by itself or as the parameter resource', 'resource');
}

const MODES: ReadonlySet<string> = new Set(['create', 'update', 'delete']);

function contentFindings(resource: JsonObject, type: string): Issue[] {
  const found = validateResource(resource, definitions(), MOST_FINDINGS);
  const { resourceType } = resource;
  if (resourceType !== type && definitions().isResourceType(resourceType)) {
    found.unshift({
      code: 'invalid',
      diagnostics: `The resource is a ${resourceType} but the address names ${type}`,
      expression: 'resourceType',
    });
  }
  return found;
}

function wrongId(found: unknown, type: string, id: string): Issue {
  const problem = found === undefined ? 'The resource has no id' : 'The resource has another id';
  return { code: 'value', diagnostics: `${problem}; the address says ${id}`, expression: `${type}.id` };
}

/** Nothing is said of a profile that was not looked at; of one that was asked for the standard wants an error then. */
function uncheckedProfiles({ type, profile, resource }: ValidationRequest): Issue[] {
  const found: Issue[] = [];
  if (profile !== undefined && !isBase(profile, type))
    found.push({ code: 'not-supported', diagnostics: notLookedAt(profile), expression: 'profile' });
  const { profile: claimed } = isJsonObject(resource?.['meta']) ? resource['meta'] : {};
  (Array.isArray(claimed) ? claimed.slice(0, MOST_CLAIMS) : []).forEach((url: unknown, index) => {
    if (typeof url !== 'string' || url === profile || isBase(url, type)) return;
    found.push({ ...information(notLookedAt(url)), expression: `${type}.meta.profile[${index}]` });
  });
  return found;
}

const MOST_CLAIMS = 20;

function isBase(profile: string, type: string): boolean {
  const [url, version] = profile.split('|');
  return url === `http://hl7.org/fhir/StructureDefinition/${type}` && (version === undefined || /^4\.[03]/.test(version));
}

function notLookedAt(profile: string): string {
  return `Only the base definitions of FHIR R4B are checked here; whether the resource meets ${profile.slice(0, 300)} is not known`;
}

/** Where a check ended before everything was looked at. */
const NOT_ALL: Partial<Record<RuleEnd, Issue>> = {
  time: {
    code: 'timeout',
    diagnostics: 'Not all invariants could be checked: there are too many for the time of one validation',
  },
  memory: {
    code: 'too-costly',
    diagnostics: 'Not all invariants could be checked: they take more memory than one validation may',
  },
  busy: {
    code: 'throttled',
    diagnostics: 'The invariants were not checked: too many validations wait for their turn. Ask again later',
  },
};

function refusalIn(error: unknown): readonly Issue[] {
  if (error instanceof FhirError) return error.issues;
  throw error;
}

function information(diagnostics: string): Issue {
  return { severity: 'information', code: 'informational', diagnostics };
}

const ALL_WELL = information('Nothing is wrong by the definitions of FHIR R4B and the rules of this server');
