import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { RuleProcess } from '../../../src/validation/rule-process.js';

const PROGRAM = new URL('../../../dist/validation/rule-worker.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'carillon-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
let programs = 0;
function program(source: string): URL {
  const file = join(folder, `${programs++}.mjs`);
  writeFileSync(file, source);
  return pathToFileURL(file);
}

const processes: RuleProcess[] = [];
afterEach(() => {
  for (const one of processes.splice(0)) one.stop();
});
function processOf(url: URL, waitMilliseconds = 60_000): RuleProcess {
  const one = new RuleProcess(url, waitMilliseconds);
  processes.push(one);
  return one;
}

const question = (resource: object, more: object = {}) => ({
  text: JSON.stringify(resource),
  most: 500,
  milliseconds: 60_000,
  ...more,
});
const contact = { resourceType: 'Patient', contact: [{ gender: 'male' }, { gender: 'male' }] };
const keys = ({ issues }: { issues: { diagnostics: string }[] }) =>
  issues.map(({ diagnostics }) => /rule ([\w-]+):/.exec(diagnostics)?.[1]);

test('one resource after the other, each with its own findings, no more than asked for and no longer than allowed', async () => {
  const one = processOf(PROGRAM);
  const endless = {
    resourceType: 'Questionnaire',
    item: Array.from({ length: 60_000 }, (_, index) => ({ linkId: String(index), type: 'group' })),
  };
  const [first, second, few, long, last] = await Promise.all([
    one.check(question(contact)),
    one.check(question({ resourceType: 'Patient', active: true })),
    one.check(question(contact, { most: 2 })),
    one.check(question(endless, { milliseconds: 300 })),
    one.check(question(contact)),
  ]);
  expect([keys(first), first.end]).toEqual([['dom-6', 'pat-1', 'pat-1'], 'whole']);
  expect([keys(second), second.end]).toEqual([['dom-6'], 'whole']);
  expect([keys(few), few.end]).toEqual([['dom-6', 'pat-1'], 'findings']);
  expect(long.end).toBe('time');
  expect([keys(last), last.end]).toEqual([['dom-6', 'pat-1', 'pat-1'], 'whole']);
});

const ENDLESS = `process.on('message', ({ text }) => {
  process.send({ kind: 'begun' });
  if (text === 'quick') return process.send({ kind: 'done', end: 'whole' });
  process.send({ kind: 'found', issue: { code: 'invariant', diagnostics: 'the rule a-1: ' } });
  setTimeout(() => { for (;;); }, 10);
});
process.on('disconnect', () => process.exit());`;
const SLOW = { text: 'slow', most: 1, milliseconds: 60_000 };
const QUICK = { text: 'quick', most: 1, milliseconds: 1 };

test('what does not heed its time is ended by force; what was found before stays, and the next one is checked', async () => {
  const one = processOf(program(ENDLESS));
  const found = await one.check({ ...SLOW, milliseconds: 1 });
  expect([keys(found), found.end]).toEqual([['a-1'], 'time']);
  expect((await one.check(QUICK)).end).toBe('whole');
});

test('who waits too long for a turn is told so, and a stop answers all that wait', async () => {
  const one = processOf(program(ENDLESS), 1);
  const slow = one.check(SLOW);
  expect(await one.check(QUICK)).toEqual({ issues: [], end: 'busy' });
  one.stop();
  expect((await slow).end).toBe('time');
});

test('what takes all memory ends alone, and the next one is checked', async () => {
  const one = processOf(
    program(`process.on('message', ({ text }) => {
      if (text === 'quick') return process.send({ kind: 'done', end: 'whole' });
      process.abort(); // As V8 does where there is no more memory.
    });
    process.on('disconnect', () => process.exit());`),
  );
  expect((await one.check(SLOW)).end).toBe('memory');
  expect((await one.check(QUICK)).end).toBe('whole');
});

test('a bug in the checks is no finding, and tells nothing of the resource', async () => {
  const one = processOf(PROGRAM);
  const failed = await one.check({ ...SLOW, text: 'no JSON, a secret' }).catch((error: Error) => error.message);
  expect(failed).toMatch(/^A check of rules failed at /);
  expect(failed).not.toContain('secret');
});
