/** The last line of a test run, for whoever counts: `12 passed, 0 failed`. A file that cannot even be loaded counts as one failure. */
export default class Summary {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`;
    // After Jest's own summary and the teardown.
    process.once('exit', () => process.stdout.write(line));
  }
}
