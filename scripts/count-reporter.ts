import type { Reporter, TestModule } from 'vitest/node';

/** Prints `N passed, N failed` as the last line, so that a run that tested nothing cannot look green. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // A file that could not be loaded has no tests, and is a failure all the same.
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed' || state === 'failed' || state === 'skipped') count[state] += 1;
      }
    }
    if (count.passed === 0 && count.failed === 0) count.failed = 1;
    // After the default reporter's summary, which is printed in the same tick.
    process.on('exit', () => {
      const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
      process.stdout.write(`${count.passed} passed, ${count.failed} failed${skipped}\n`);
      if (count.failed > 0) process.exitCode = 1;
    });
  }
}
