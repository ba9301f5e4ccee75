import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { valueKeysOf } from '../../../src/search/access-keys.js';
import { bearsCanonical, canonicalOf, keysReferringTo, leadsTo } from '../../../src/search/canonicals.js';
import { canonicalQuery } from '../../../src/search/canonical-query.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { semanticsWith } from '../../support/custom-parameters.js';
import { SEMANTICS } from '../../support/semantics.js';

const U = 'http://acme.example/q';
const response = (questionnaire: string) =>
  SEMANTICS.extract('QuestionnaireResponse', { resourceType: 'QuestionnaireResponse', questionnaire });
const patient = (...profile: string[]) => SEMANTICS.extract('Patient', { resourceType: 'Patient', meta: { profile } });

/** In memory and by keys. */
function holds(of: ReturnType<typeof response>, query: string): boolean {
  const [clause] = SEMANTICS.parse(of.resourceType, query, { handling: 'strict' }).clauses;
  const held = clauseHolds(clause!, of);
  const keys = equalityKeysOf(of);
  expect({ query, byKeys: valueKeysOf(clause!)!.some((key) => keys.has(key)) }).toEqual({ query, byKeys: held });
  return held;
}

describe(':below and :above a canonical', () => {
  test.each([
    ['questionnaire', U, `${U}|1.0`, true],
    ['questionnaire', `${U}|1`, `${U}|1.0`, false],
    ['questionnaire:below', U, `${U}|1.0`, true],
    ['questionnaire:below', U, U, true],
    ['questionnaire:below', U, `${U}/more`, false],
    ['questionnaire:below', `${U}|1`, `${U}|1.0`, true],
    ['questionnaire:below', `${U}|1`, `${U}|1.1`, true],
    ['questionnaire:below', `${U}|1`, `${U}|2.0`, false],
    ['questionnaire:below', `${U}|1`, `${U}|10`, false],
    ['questionnaire:below', `${U}|1`, U, false],
    ['questionnaire:below', `${U}|1.0`, `${U}|1.0.0-ballot`, true],
    ['questionnaire:below', `${U}|1.0.0`, `${U}|1.0`, false],
    ['questionnaire:above', `${U}|1.0.3`, `${U}|1.0`, true],
    ['questionnaire:above', `${U}|1.0.3`, `${U}|1.0.3`, true],
    ['questionnaire:above', `${U}|1.0.3`, U, true],
    ['questionnaire:above', `${U}|1.0.3`, `${U}|1.0.3.1`, false],
    ['questionnaire:above', U, U, true],
    ['questionnaire:above', U, `${U}|1`, false],
    ['questionnaire:below', `${U}|`, `${U}|2`, true],
  ])('%s=%s of %s: %s', (name, asked, written, expected) => {
    expect(holds(response(written), `${name}=${asked}`)).toBe(expected);
  });

  test.each([
    ['_profile:below', U, `${U}|1.0`, true],
    ['_profile:below', `${U}|1`, `${U}|1.0`, true],
    ['_profile:below', `${U}|1`, `${U}|11`, false],
    ['_profile:below', 'http://acme.example', `${U}|1`, true],
    ['_profile:above', `${U}|1.0`, `${U}|1`, true],
    ['_profile:above', `${U}|1.0`, `${U}|2`, false],
    ['_profile:above', `${U}/a/b`, `${U}/a`, true],
  ])('of a uri: %s=%s of %s: %s', (name, asked, written, expected) => {
    expect(holds(patient('http://other.example/x', written), `${name}=${asked}`)).toBe(expected);
  });

  const part = fc.constantFrom('', '.', '-', '+', '0', '1', '10', 'a', '|');
  const version = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));

  test('is what the parts of the versions say', () => {
    fc.assert(
      fc.property(version, version, fc.constantFrom('below', 'above'), (asked, written, modifier) => {
        const lies = (under: string, over: string) =>
          under.startsWith(over) && (under === over || '.-+'.includes(under[over.length]!));
        const expected =
          modifier === 'below'
            ? asked === '' || (written !== '' && lies(written, asked))
            : written === '' || (asked !== '' && lies(asked, written));
        const text = (of: string) => (of === '' ? U : `${U}|${of}`);
        const query = `questionnaire:${modifier}=${encodeURIComponent(text(asked))}`;
        expect(holds(response(text(written)), query)).toBe(expected);
      }),
    );
  });

  test('standing criteria take it, and are printed as they parse', () => {
    for (const modifier of ['below', 'above']) {
      const criteria = `QuestionnaireResponse?questionnaire:${modifier}=${U}|1.2`;
      const printed = canonicalQuery(SEMANTICS.parseCriteria(criteria));
      expect(canonicalQuery(SEMANTICS.parseCriteria(printed))).toBe(printed);
      expect(SEMANTICS.parseCriteria(printed).clauses).toEqual(SEMANTICS.parseCriteria(criteria).clauses);
    }
    expect(() => SEMANTICS.parseCriteria('Encounter?location:below=Location/1')).toThrow(/looks at other resources/);
  });
});

describe('what a canonical leads to', () => {
  test('is every version where it names none, and that alone where it names one', () => {
    expect(leadsTo({ url: U }, { url: U })).toBe(true);
    expect(leadsTo({ url: U }, { url: U, version: '1' })).toBe(true);
    expect(leadsTo({ url: U, version: '' }, { url: U, version: '1' })).toBe(true);
    expect(leadsTo({ url: U, version: '1' }, { url: U, version: '1' })).toBe(true);
    expect(leadsTo({ url: U, version: '1' }, { url: U, version: '1.0' })).toBe(false);
    expect(leadsTo({ url: U, version: '1' }, { url: U })).toBe(false);
    expect(leadsTo({ url: `${U}x` }, { url: U })).toBe(false);
  });

  test('is found by keys of the parameter exactly so', () => {
    const parameter = { base: 'QuestionnaireResponse', code: 'questionnaire' };
    const text = fc.constantFrom(U, `${U}|1`, `${U}|1.0`, `${U}|2`, `${U}|`, `${U}/x`, 'Questionnaire/q', 'Questionnaire/p');
    fc.assert(
      fc.property(text, fc.constantFrom(undefined, '1', '1.0', '2'), (written, own) => {
        const canonical = { url: U, version: own };
        const keys = equalityKeysOf(response(written));
        const [url = '', version = ''] = written.split('|');
        const leads = written === 'Questionnaire/q' || (url === U && (version === '' || version === own));
        const asked = keysReferringTo(parameter, { type: 'Questionnaire', id: 'q', canonical });
        expect(asked.some((key) => keys.has(key))).toBe(leads);
      }),
    );
  });

  test('is no address at which something is reached', () => {
    const { definitions } = SEMANTICS;
    for (const type of ['Questionnaire', 'Library', 'ValueSet', 'Evidence']) expect(bearsCanonical(definitions, type)).toBe(true);
    for (const type of ['Patient', 'Device', 'Subscription', 'Nonsense']) expect(bearsCanonical(definitions, type)).toBe(false);
    const device = SEMANTICS.extract('Device', { resourceType: 'Device', url: U });
    expect(canonicalOf(device)).toBeUndefined();
    const library = SEMANTICS.extract('Library', { resourceType: 'Library', url: U, version: '3' });
    expect(canonicalOf(library)).toEqual({ url: U, version: '3' });
  });

  test('is told by the official parameters, while those of clients are indexed and after', () => {
    const row = { code: 'url', url: 'http://example.org/sp', type: 'uri', expression: 'Patient.photo.url' } as const;
    const definition = { url: row.url, code: row.code, rows: { Patient: row } };
    const beingIndexed = new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases);
    beingIndexed.adopt({ revision: 1, generation: 1, parameters: [{ id: 'p', definition, generation: 1 }], walks: [] });
    for (const semantics of [beingIndexed, semanticsWith(definition)]) {
      expect(bearsCanonical(semantics.catalog.usable, 'Patient')).toBe(false);
      expect(() => semantics.parse('Observation', 'subject:above=http://example.org/Patient/1', { handling: 'strict' })).toThrow(
        /or a canonical/,
      );
    }
  });
});
