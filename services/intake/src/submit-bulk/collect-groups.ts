import {
  type Endpoint,
  newJobId,
  type Problem,
  RUN_BODY_MAX_BYTES,
  refuse,
} from '@switchyard/contracts';
import { readJob, type SubmitContext } from '../submit-job.ts';
import { answerProblemLine, type Group, newGroup } from './group.ts';
import type { Came } from './source.ts';
import { createLineSplitter } from './split-lines.ts';

export type CollectContext = Pick<SubmitContext, 'sealer' | 'targetGuard'> & {
  /** What the sender is told of an error. */
  readonly tell: (error: unknown) => Problem;
};

export type GroupCollector = {
  /** Takes the next bytes of the body, or its end; of one that is left the last line may lack. */
  readonly take: (came: Came) => void;
  /** Whether a whole group waits, so that nothing more should be read. */
  readonly isFull: () => boolean;
  /** The next group, be it a whole one or, with `partial`, what there is; undefined for none. */
  readonly next: (partial: boolean) => Group | undefined;
  /** How many lines were taken so far, blank ones too. */
  readonly lines: () => number;
};

const GROUP_MAX_LINES = 1_000;
const GROUP_MAX_BYTES = 4 * 1_048_576;

/**
 * Reads the lines of a body as submissions to `endpoint` and gathers them in groups. With `key`,
 * each job has a key of its own: that one, a space, which none of a client's keys has, and the
 * number of its line.
 */
export const collectGroups = (
  context: CollectContext,
  endpoint: Endpoint,
  key: string | undefined,
): GroupCollector => {
  const whole: Group[] = [];
  let open = newGroup();
  let lines = 0;

  const read = (body: Buffer | 'tooLong', line: number): void => {
    try {
      if (body === 'tooLong') throw tooLong();
      const own = key === undefined ? undefined : `${key} ${line}`;
      const submitted = { endpoint, jobId: newJobId('async'), body, key: own };
      const { job, startAfter } = readJob(context, submitted);
      if (startAfter !== undefined) open.starts.push({ place: open.items.length, startAfter });
      open.items.push(job);
      open.bytes += body.length;
    } catch (error) {
      open.items.push(answerProblemLine(line, context.tell(error)));
    }
    open.numbers.push(line);
    if (open.items.length < GROUP_MAX_LINES && open.bytes < GROUP_MAX_BYTES) return;
    whole.push(open);
    open = newGroup();
  };

  const splitter = createLineSplitter(RUN_BODY_MAX_BYTES, (body, line) => {
    lines = line;
    read(body, line);
  });

  const nextPartial = (): Group | undefined => {
    if (open.items.length === 0) return undefined;
    const group = open;
    open = newGroup();
    return group;
  };

  return {
    take: (came) => {
      if (came === 'ended') splitter.end();
      else if (Buffer.isBuffer(came)) splitter.push(came);
    },
    isFull: () => whole.length > 0,
    next: (partial) => whole.shift() ?? (partial ? nextPartial() : undefined),
    lines: () => lines,
  };
};

const tooLong = () =>
  refuse('request.too_large', `The line is longer than ${RUN_BODY_MAX_BYTES} bytes.`);
