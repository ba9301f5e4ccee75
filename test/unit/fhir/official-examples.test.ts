import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseJson } from '../../../src/fhir/json-text.js';
import { sameContent, stampResource } from '../../../src/fhir/stamp-resource.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';

const FOLDER = new URL('../../../node_modules/hl7.fhir.r4b.examples/', import.meta.url);
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.json') && name !== 'package.json');

const LACKS_STATUS = 'has no status, which every code system and value set must have';
const LACKS_BASE = 'has no base, which every search parameter must have';

/** The official examples that are not valid, and why: nothing that we read more strictly than the standard says. */
const INVALID: Record<string, string> = {
  'Bundle-valuesets.json': `holds the code system and the value set of catalogType; each ${LACKS_STATUS}`,
  'CodeSystem-catalogType.json': LACKS_STATUS,
  'ValueSet-catalogType.json': LACKS_STATUS,
  'SearchParameter-codesystem-extensions-CodeSystem-author.json': LACKS_BASE,
  'SearchParameter-codesystem-extensions-CodeSystem-effective.json': LACKS_BASE,
  'SearchParameter-codesystem-extensions-CodeSystem-end.json': LACKS_BASE,
  'SearchParameter-codesystem-extensions-CodeSystem-keyword.json': LACKS_BASE,
  'SearchParameter-codesystem-extensions-CodeSystem-workflow.json': LACKS_BASE,
  'SearchParameter-valueset-extensions-ValueSet-author.json': LACKS_BASE,
  'SearchParameter-valueset-extensions-ValueSet-effective.json': LACKS_BASE,
  'SearchParameter-valueset-extensions-ValueSet-end.json': LACKS_BASE,
  'SearchParameter-valueset-extensions-ValueSet-keyword.json': LACKS_BASE,
  'SearchParameter-valueset-extensions-ValueSet-workflow.json': LACKS_BASE,
  'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json':
    'has an id of 67 characters; 64 are allowed',
};

function bytesOf(name: string): Buffer {
  return readFileSync(new URL(name, FOLDER));
}

/** Reads a text with every number as its digits, in the order written: an exact picture made without any code of ours. */
function picture(text: string): Record<string, unknown> {
  const digits = (_name: string, value: unknown, context: { source?: string }) =>
    typeof value === 'number' ? `#${context.source}` : value;
  return (JSON.parse as (text: string, reviver: typeof digits) => Record<string, unknown>)(text, digits);
}

test('all official examples are there', () => {
  expect(NAMES).toHaveLength(2840);
});

test('every official example is valid but for those that are not', () => {
  const refused = NAMES.filter((name) => validateResource(parseJson(bytesOf(name)).value).length > 0);
  expect(refused.sort()).toEqual(Object.keys(INVALID).sort());
});

test('every official example keeps everything but its stamp, to the digit and in order', () => {
  const stamp = { id: 'an-id', versionId: '7', lastUpdated: '2026-11-23T12:00:00.000Z' };
  for (const name of NAMES) {
    const bytes = bytesOf(name);
    const { text } = parseJson(bytes);
    const stamped = stampResource(text, stamp);
    const { resourceType, id: _id, meta, ...rest } = picture(bytes.toString('utf8'));
    const { versionId: _versionId, lastUpdated: _lastUpdated, ...restOfMeta } = (meta ?? {}) as Record<string, unknown>;
    const { id, ...ours } = stamp;
    const expected = { resourceType, id, meta: { ...ours, ...restOfMeta }, ...rest };
    if (JSON.stringify(picture(stamped)) !== JSON.stringify(expected))
      expect({ name, stamped: picture(stamped) }).toEqual({ name, stamped: expected });
    if (!sameContent(stamped, text)) throw new Error(`${name} does not have the content it was given`);
  }
});
