import { describe, expect, test } from '@jest/globals';

import type { Change } from '../../../src/fhir/change.js';
import { historyText, searchsetText } from '../../../src/pull/bundle-text.js';

const BASE = 'http://hub.example/fhir/r4b';
const at = new Date('2026-03-01T10:00:00.123Z');

function change(given: Partial<Change>): Change {
  return {
    position: { epoch: 0, xid: 1n, seq: 1n },
    type: 'Patient',
    id: 'p',
    version: 1,
    interaction: 'create',
    method: 'POST',
    at,
    face: 'r4b',
    body: '{"resourceType":"Patient","id":"p","decimal":1.00}',
    ...given,
  };
}

describe('searchset', () => {
  test('holds the stored text as it is', () => {
    const text = searchsetText(BASE, { links: { self: `${BASE}/Patient` }, total: 1, at, matches: [change({})] });
    expect(text).toContain('"resource":{"resourceType":"Patient","id":"p","decimal":1.00},"search":{"mode":"match"}');
    expect(JSON.parse(text)).toMatchObject({ type: 'searchset', total: 1, entry: [{ fullUrl: `${BASE}/Patient/p` }] });
  });

  test('has no entry member where nothing matches, and tells what was left out as an outcome', () => {
    expect(JSON.parse(searchsetText(BASE, { links: { self: 's' }, total: 0, at, matches: [] }))).not.toHaveProperty('entry');
    const warned = searchsetText(BASE, {
      links: { self: 's' },
      at,
      matches: [],
      warnings: [{ severity: 'warning', code: 'not-supported', diagnostics: 'left out', expression: 'x' }],
    });
    expect(JSON.parse(warned).entry).toMatchObject([
      { search: { mode: 'outcome' }, resource: { issue: [{ severity: 'warning' }] } },
    ]);
  });
});

describe('history', () => {
  const entryOf = (given: Partial<Change>) =>
    JSON.parse(historyText(BASE, { links: { self: 's' }, at, versions: [change(given)] })).entry[0] as Record<string, unknown>;

  test.each([
    [{}, { method: 'POST', url: 'Patient' }, '201'],
    [{ method: 'PUT' as const }, { method: 'PUT', url: 'Patient/p' }, '201'],
    [{ method: 'PUT' as const, interaction: 'update' as const, version: 2 }, { method: 'PUT', url: 'Patient/p' }, '200'],
    [{ method: 'PATCH' as const, interaction: 'update' as const, version: 2 }, { method: 'PUT', url: 'Patient/p' }, '200'],
  ])('%j is requested by %j and answered %s', (given, request, status) => {
    const entry = entryOf(given);
    expect(entry).toMatchObject({ request, response: { status, lastModified: at.toISOString() }, fullUrl: `${BASE}/Patient/p` });
    expect(entry).toHaveProperty('resource');
  });

  test('a delete is shown without a resource', () => {
    const entry = entryOf({ interaction: 'delete', method: 'DELETE', version: 3, body: null });
    expect(entry).toMatchObject({ request: { method: 'DELETE', url: 'Patient/p' }, response: { status: '204', etag: 'W/"3"' } });
    expect(entry).not.toHaveProperty('resource');
  });
});
