/** A worker of our library whose handler does nothing, but note how late it was started. */
import inspector from 'node:inspector';
import { start } from '@switchyard/worker';
import { nowUs, sentUsOf } from '../payload.ts';
import { countFor, openParent, readPlan } from './parent.ts';

export type WorkerPlan = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  readonly token: string;
  readonly workerId: string;
  readonly concurrency: number;
  /** Whether inputs tell when they were sent, which costs parsing them. */
  readonly isStamped: boolean;
};

const OUTPUT = { ok: true };

const { isStamped, ...connection } = readPlan<WorkerPlan>();
const parent = openParent();
const count = countFor(parent);
const latenciesMs: number[] = [];
const startsUs: number[] = [];
parent.say({ kind: 'began' });
const complain = (message: string, fields?: object): void => console.error(message, fields);
const silent = (): void => undefined;
const worker = start({
  ...connection,
  log: { info: silent, warn: complain, error: complain },
  signals: false,
  handler: (job) => {
    const begunUs = nowUs();
    count();
    if (isStamped) {
      startsUs.push(begunUs);
      const sentUs = sentUsOf(job.input);
      if (sentUs !== undefined) latenciesMs.push((begunUs - sentUs) / 1_000);
    }
    return OUTPUT;
  },
});
const inspectorUrl = inspector.url();
parent.say({ kind: 'ready', ...(inspectorUrl === undefined ? {} : { inspectorUrl }) });
await parent.asked;
// It leaves as workers do, so that no job is claimed for its slots any more.
await worker.stop();
parent.report({ latenciesMs, startsUs });
