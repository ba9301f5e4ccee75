import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
const named = [...page.matchAll(/`([\w./-]+) › ([^`]+)`/g)].map(([, file, name]) => [file!, name!] as const);

test('docs/conformance.md names tests that exist', () => {
  expect(named.length).toBeGreaterThan(80);
  const missing = named.filter(([file, name]) => {
    const path = new URL(`../${file.includes('/') ? file : `e2e/${file}`}.test.ts`, import.meta.url);
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(name);
  });
  expect(missing).toEqual([]);
});
