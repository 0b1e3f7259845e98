import type { ExchangeAnswer, ExchangeKind } from '@switchyard/contracts';
import { readFrame, writeFrame } from '../support/exchange-frame.ts';

/** Who asks, and where. */
export type Asker = {
  readonly gatewayUrl: string;
  readonly endpoint: string;
  readonly token: string;
  readonly workerId: string;
};

export type Post = {
  readonly job: string;
  readonly claimNo: number;
  readonly kind: ExchangeKind;
  readonly seq?: number;
  readonly body: string;
};

export type Told = {
  readonly free: number;
  readonly held: readonly string[];
  readonly posts: readonly Post[];
};

/** A claimed job as it came. */
export type Job = ExchangeAnswer['jobs'][number] & { readonly input: Buffer };

export type Heard = Omit<ExchangeAnswer, 'jobs'> & { readonly jobs: readonly Job[] };

const WAIT_MS = 150;
const ANSWER_MAX_MS = 10_000;

/** One exchange. @returns the HTTP status where it failed, 0 for a connection that broke. */
export const exchange = async (
  { gatewayUrl, endpoint, token, workerId }: Asker,
  { free, held, posts }: Told,
): Promise<Heard | number> => {
  const header = { free, held, waitMs: WAIT_MS, posts: posts.map(({ body: _, ...rest }) => rest) };
  const frame = writeFrame(
    header,
    posts.map(({ body }) => Buffer.from(body)),
  );
  try {
    const answer = await fetch(`${gatewayUrl}/v2/${endpoint}/exchange/${workerId}`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(frame),
      signal: AbortSignal.timeout(ANSWER_MAX_MS),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) return answer.status;
    const { header: text, bodies } = readFrame(bytes);
    const heard: ExchangeAnswer = JSON.parse(text);
    const jobs = heard.jobs.map((job, at) => ({ ...job, input: bodies[at] ?? Buffer.alloc(0) }));
    return { ...heard, jobs };
  } catch {
    return 0;
  }
};
