import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export type TestTally = { readonly passed: number; readonly failed: number };

/** Runs test files as `npm test` does, one after the other, showing each test, and counts them. */
export const runTestFiles = async (files: readonly string[]): Promise<TestTally> => {
  let passed = 0;
  let failed = 0;
  const events = run({ files: [...files], concurrency: 1, timeout: 600_000 });
  events.on('test:pass', ({ details }) => {
    if (details.type !== 'suite') passed += 1;
  });
  events.on('test:fail', () => {
    failed += 1;
  });
  for await (const text of events.compose(spec)) process.stdout.write(String(text));
  return { passed, failed };
};
