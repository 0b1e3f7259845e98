import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSession, type Session } from './session.ts';
import type { WorkerParts } from './worker-parts.ts';

/** Pauses before the second and the third request after an answer of 500 and more; measured. */
const RETRY_PAUSES_MS = [2_000, 3_000] as const;
const JOURNAL_BODY_BYTES_MAX = 4_096;

type Posting = { session: Session; url: string; call: string; jobId: string; body: Buffer };

const sendOnce = async ({ journal }: WorkerParts, posting: Posting): Promise<number> => {
  const { session, url, call, jobId, body } = posting;
  journal.record({
    event: 'post',
    call,
    jobId,
    body: body.toString('utf8', 0, JOURNAL_BODY_BYTES_MAX),
    bodyBytes: body.length,
    bodySha256: createHash('sha256').update(body).digest('hex'),
  });
  try {
    const answer = await session.post(url, jobId, body);
    const text = answer.body.toString('utf8', 0, JOURNAL_BODY_BYTES_MAX);
    journal.record({ event: 'answer', call, jobId, status: answer.status, body: text });
    return answer.status;
  } catch (error) {
    journal.record({ event: 'answer', call, jobId, status: 0, reason: String(error) });
    return 0;
  }
};

/** Never rejects: like the package, it forgets what it could not deliver. */
const send = async (parts: WorkerParts, posting: Posting): Promise<void> => {
  let status = await sendOnce(parts, posting);
  for (const pauseMs of RETRY_PAUSES_MS) {
    if (status < 500) break;
    await sleep(pauseMs);
    status = await sendOnce(parts, posting);
  }
  if (status >= 200 && status < 300) return;
  parts.journal.record({ event: 'giveUp', call: posting.call, jobId: posting.jobId, status });
};

const addressed = (url: string, jobId: string, isStream: boolean): string =>
  `${url.split('$ID').join(jobId)}&isStream=${isStream}`;

export const postResult = (
  parts: WorkerParts,
  result: { jobId: string; body: Buffer; isStream: boolean },
): Promise<void> =>
  send(parts, {
    session: parts.session,
    url: addressed(parts.config.outputUrl, result.jobId, result.isStream),
    call: 'job-done',
    jobId: result.jobId,
    body: result.body,
  });

/** One chunk. Its address says `isStream=false`, as the package's does. */
export const postChunk = (parts: WorkerParts, jobId: string, output: unknown): Promise<void> =>
  send(parts, {
    session: parts.session,
    url: addressed(parts.config.streamUrl, jobId, false),
    call: 'job-stream',
    jobId,
    body: Buffer.from(`{"output": ${JSON.stringify(output)}}`),
  });

/** A progress update goes where results go, in a session of its own. */
export const postProgress = (parts: WorkerParts, jobId: string, output: unknown): Promise<void> =>
  send(parts, {
    session: openSession({ ...parts.config, keepAlive: false }),
    url: addressed(parts.config.outputUrl, jobId, false),
    call: 'progress',
    jobId,
    body: Buffer.from(`{"status": "IN_PROGRESS", "output": ${JSON.stringify(output)}}`),
  });
