import type { Front } from './contender.ts';
import type { LoadPlan, LoadReport } from './load-plan.ts';
import { startProgram } from './start-program.ts';

/** Runs the load generator of `plan` to its end. @throws Error when any answer was no success. */
export const runLoad = async (plan: LoadPlan): Promise<LoadReport> => {
  await using program = startProgram<LoadReport>('http-load', plan);
  const report = await program.reported;
  const [refused] = Object.entries(report.refusals);
  if (refused !== undefined) {
    const [status, { count, first }] = refused;
    throw new Error(`${count} answers with ${status}: ${first}`);
  }
  return report;
};

/** Posts jobs with `input` to `front`. */
export const postJobs = (
  front: Front,
  input: string,
  plan: Omit<LoadPlan, 'origin' | 'method' | 'paths' | 'headers' | 'body'>,
): Promise<LoadReport> =>
  runLoad({
    ...plan,
    origin: front.origin,
    method: 'POST',
    paths: [front.path],
    headers: front.headers,
    body: `{"input":${input}}`,
  });
