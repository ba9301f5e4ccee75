import { expect, test } from '@jest/globals';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { selectLines, type Selection } from '../../../src/export/select-lines.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub/fhir/r4b']);
const at = new Date();
const patient = (id: string, family = 'x') =>
  JSON.stringify({ resourceType: 'Patient', id, meta: { lastUpdated: at.toISOString() }, name: [{ family }] });
const plain: Selection = { type: 'Patient', shown: (_id, body) => body, semantics, filters: [] };

test('a resource is one line, a delete an entry of one Bundle, what did not change nothing', () => {
  const page = [
    { id: 'a', at, body: patient('a'), before: null },
    { id: 'b', at, body: null, before: patient('b') },
    { id: 'c', at, body: null, before: patient('c') },
    { id: 'd', body: null, before: null },
    { id: 'e', at, body: null, before: null },
  ];
  const [resources, deleted, ...rest] = selectLines(page, plain);
  expect(resources).toEqual({ file: 'Patient.ndjson', text: `${patient('a')}\n`, lines: 1 });
  expect(deleted).toMatchObject({ file: 'deleted.ndjson', lines: 1 });
  expect(JSON.parse(deleted!.text).entry.map(({ request }: { request: { url: string } }) => request.url)).toEqual([
    'Patient/b',
    'Patient/c',
  ]);
  expect(rest).toEqual([]);
});

test('of several filters any suffices, for deletes by their last state', () => {
  const filters = ['family=ash', 'family=birch'].map((query) => semantics.parse('Patient', query, { handling: 'strict' }));
  const page = [
    { id: 'a', at, body: patient('a', 'Ash'), before: null },
    { id: 'b', at, body: patient('b', 'Cedar'), before: null },
    { id: 'c', at, body: null, before: patient('c', 'Birch') },
    { id: 'd', at, body: null, before: patient('d', 'Cedar') },
  ];
  const lines = selectLines(page, { ...plain, filters });
  expect(lines.map(({ text }) => text).join('')).toMatch(/"a".*\n.*Patient\/c"/s);
  expect(lines.map(({ text }) => text).join('')).not.toMatch(/"b"|Patient\/d/);
});

test('a resource that cannot be tested is left out, told of, and holds up no other', () => {
  const failed: string[] = [];
  const lines = selectLines(
    [
      { id: 'a', at, body: patient('a'), before: null },
      { id: 'b', at, body: patient('b'), before: null },
    ],
    {
      ...plain,
      belongs: (id) => {
        if (id === 'a') throw new Error('secret detail');
        return true;
      },
      onError: (id) => failed.push(id),
    },
  );
  expect(lines.map(({ file, lines: count }) => [file, count])).toEqual([
    ['Patient.ndjson', 1],
    ['error.ndjson', 1],
  ]);
  expect(JSON.parse(lines[1]!.text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
  expect(lines[1]!.text).not.toContain('secret detail');
  expect(failed).toEqual(['a']);
});
