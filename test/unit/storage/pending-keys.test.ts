import { expect, test } from '@jest/globals';

import { PendingKeys } from '../../../src/storage/pending-keys.js';

class Statements {
  begun = 0;
  end: ((error?: Error) => void) | undefined;

  rows<Row>(): Promise<Row[]> {
    this.begun++;
    return new Promise((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve([]) : reject(error));
    });
  }

  run(): Promise<number> {
    throw new Error('not asked for');
  }
}

test('however many searches there are, one sorts in at a time, and a second lies between two', async () => {
  const statements = new Statements();
  let now = 0;
  const pending = new PendingKeys(statements, () => now);
  pending.searched();
  pending.searched();
  now = 5000;
  pending.searched();
  expect(statements.begun).toBe(1);
  statements.end?.();
  await new Promise((resolve) => setImmediate(resolve));
  pending.searched();
  now = 5999;
  pending.searched();
  expect(statements.begun).toBe(1);
  now = 6000;
  pending.searched();
  expect(statements.begun).toBe(2);
});

test('a failure disturbs nobody and is tried again', async () => {
  const statements = new Statements();
  let now = 0;
  const pending = new PendingKeys(statements, () => now);
  pending.searched();
  statements.end?.(new Error('the database is gone'));
  await new Promise((resolve) => setImmediate(resolve));
  now = 1000;
  pending.searched();
  expect(statements.begun).toBe(2);
});
