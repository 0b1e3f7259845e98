import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { OfferPlan, OfferReport } from './offer-plan.ts';

const PROGRAM = fileURLToPath(new URL('./offer-jobs.ts', import.meta.url));

/** Runs the generator to its end, on `core` alone where one is named. @throws Error if it fails. */
export const offerJobs = async (plan: OfferPlan, core?: number): Promise<OfferReport> => {
  const command = [process.execPath, PROGRAM, JSON.stringify(plan)];
  const held = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  const [program = '', ...args] = held;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exited = once(child, 'exit');
  const printed = await text(child.stdout);
  await exited;
  process.off('exit', endWithUs);
  if (child.exitCode !== 0) throw new Error(`the generator ended with ${child.exitCode}`);
  const report: OfferReport = JSON.parse(printed);
  return report;
};
