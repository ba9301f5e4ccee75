import { Script } from 'node:vm';
import { checkRules } from './check-rules.js';
import { fhirpathTests } from './invariant-tests.js';
import type { RuleAnswer, RuleEnd, RuleQuestion } from './rule-process.js';

/** The program of {@link RuleProcess}: one question after the other, none for longer than its time, and an end when the hub is gone. */
const test = fhirpathTests();
const answer = (message: RuleAnswer) => process.send!(message);

/** Ends a check that has made all the findings that were asked for. */
class Enough extends Error {}

process.on('message', (question: RuleQuestion) => {
  answer({ kind: 'begun' });
  try {
    answer({ kind: 'done', end: run(question) });
  } catch (error) {
    // What an error says may hold a part of the resource; where it was made does not.
    const where = error instanceof Error ? (/^ *at .*$/m.exec(error.stack ?? '')?.[0].trim() ?? '') : '';
    answer({ kind: 'bug', where });
  }
});
process.on('disconnect', () => process.exit(0));

/** A script may be given a time after which it is interrupted wherever it is, also within one evaluation. */
const interruptible = new Script('carillonCheck()');

function run({ text, most, milliseconds }: RuleQuestion): RuleEnd {
  let count = 0;
  const check = () =>
    checkRules(JSON.parse(text), test, (issue) => {
      if (++count > most) throw new Enough();
      answer({ kind: 'found', issue });
    });
  (globalThis as { carillonCheck?: () => void }).carillonCheck = check;
  try {
    interruptible.runInThisContext({ timeout: milliseconds });
    return 'whole';
  } catch (error) {
    if (error instanceof Enough) return 'findings';
    if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'time';
    throw error;
  }
}
