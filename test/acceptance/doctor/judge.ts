import type { Checks } from '../support/checks.ts';
import type { Diagnosis } from './run-doctor.ts';

/** Prints what the doctor found, and checks that it is what was seeded and nothing else. */
export const judge = (
  checks: Checks,
  name: string,
  { exitCode, found, text }: Diagnosis,
  expected: readonly string[],
): void => {
  const codes = [...new Set(found.map(({ code }) => code))].sort();
  const isExact = codes.join() === [...expected].sort().join();
  const isExplained = found.every(({ remedy }) => remedy.length > 10);
  const exitExpected = expected.length === 0 ? 0 : 1;
  const ok = isExact && isExplained && exitCode === exitExpected;
  const figure = `${codes.join(', ') || 'nothing'}, exit ${exitCode}`;
  const bound = `${expected.join(', ') || 'nothing'}, exit ${exitExpected}`;
  checks.check(ok, name, figure, bound);
  for (const { line, remedy } of found) console.log(`       ${line}\n         → ${remedy}`);
  if (!ok) console.log(text);
};
