import { createHash } from 'node:crypto';
import path from 'node:path';
import type { JournalLine } from '../support/runpod-worker/journal.ts';
import { openJournal, type RunLine } from './history.ts';

const OUTPUT = '{"output": ';

/** Writes what a worker of RunPod's protocol ran into the history of `folder`. */
export const writeRunpodRuns = (
  folder: string,
  endpoint: string,
  facts: readonly JournalLine[],
): void => {
  using journal = openJournal<RunLine>(path.join(folder, 'runs-runpod'));
  const running = new Map<string, string>();
  for (const [at, fact] of facts.entries()) {
    const { event, jobId, bodySha256 = '', worker: workerId, at: atMs } = fact;
    if (jobId === undefined) continue;
    if (event === 'start') {
      running.set(jobId, String(at));
      const start = { run: String(at), workerId, endpoint, jobId, atMs };
      journal.write({ ...start, inputSha256: bodySha256 });
    }
    const run = running.get(jobId);
    if (run !== undefined) for (const end of endsIn(fact)) journal.write({ run, ...end });
  }
};

type End = Omit<Extract<RunLine, { readonly how?: unknown }>, 'run'>;

const endsIn = ({ event, call, body = '', status, at }: JournalLine): End[] => {
  if (event === 'cancelled') return [{ endedAtMs: at, how: 'stopped' }];
  if (call !== 'job-done') return [];
  if (event === 'post') {
    if (!body.startsWith(OUTPUT)) return [{ endedAtMs: at, how: 'threw' }];
    const output = body.slice(OUTPUT.length, -1);
    const outputSha256 = createHash('sha256').update(output).digest('hex');
    return [{ endedAtMs: at, how: 'returned', outputSha256 }];
  }
  if (event !== 'answer') return [];
  const isAccepted = !body.includes('"accepted":false');
  const answer = status !== 200 ? 'none' : isAccepted ? 'accepted' : 'refused';
  return [{ answer, answeredAtMs: at }];
};
