import {
  type Endpoint,
  newJobId,
  type Problem,
  parseEndpointId,
  problemBody,
  Refusal,
  RUN_BODY_MAX_BYTES,
  refuse,
  topics,
} from '@switchyard/contracts';
import { type EndpointCache, noSuchEndpoint } from './resolve-endpoint.ts';
import { describeAccepted, type SubmitContext, submitJob } from './submit-job.ts';

export type TakeContext = SubmitContext & {
  readonly endpoints: EndpointCache;
  readonly tell: (error: unknown, requestId: string) => Problem;
};

/** A submission as a broker carries it; the end of the topic names the endpoint. */
export type Carried = {
  readonly topic: string;
  readonly body: Uint8Array;
  /** The sender's message id makes it idempotent. */
  readonly id: string | undefined;
};

/** `reply` is the body of what `/run` would have answered. */
export type Taken = { readonly reply: Buffer } & (
  | { readonly kind: 'stored' | 'repeat' }
  | { readonly kind: 'refused'; readonly problem: Problem }
);

/** Stores a submission from a broker as `/run` does one from HTTP. Never throws. */
export const takeSubmission = async (context: TakeContext, carried: Carried): Promise<Taken> => {
  try {
    return await take(context, carried);
  } catch (error) {
    const problem = context.tell(error, carried.id ?? carried.topic);
    return { kind: 'refused', problem, reply: jsonOf(problemBody(problem)) };
  }
};

const PREFIXES = [topics.anySubmit, topics.anyRpcSubmit].map((any) => any.slice(0, -'*'.length));

/**
 * What stands in a topic where the endpoint does. A key on RabbitMQ may be empty or have dots, and
 * then names no endpoint: that of its last word may be closed to who sent it.
 */
export const endpointWordOf = (topic: string): string => {
  const prefix = PREFIXES.find((literal) => topic.startsWith(literal)) ?? topic;
  return topic.slice(prefix.length);
};

const take = async (context: TakeContext, carried: Carried): Promise<Taken> => {
  const endpoint = await findEndpoint(context, endpointWordOf(carried.topic));
  if (carried.body.length > RUN_BODY_MAX_BYTES) throw tooLarge();
  const accepted = await submitJob(context, {
    source: 'broker',
    endpoint,
    jobId: newJobId('async'),
    body: bufferOf(carried.body),
    key: carried.id,
  });
  const { kind } = accepted;
  try {
    return { kind, reply: jsonOf(await describeAccepted(context, endpoint, accepted)) };
  } catch (error) {
    // It was stored once, so that it is settled even where its job is past retention by now.
    if (!(error instanceof Refusal) || kind !== 'repeat') throw error;
    return { kind, reply: jsonOf(problemBody(error.problem)) };
  }
};

const findEndpoint = async ({ endpoints }: TakeContext, name: string): Promise<Endpoint> => {
  const endpointId = parseEndpointId(name);
  if (endpointId === undefined) throw noSuchEndpoint();
  const known = await endpoints.resolve(endpointId);
  if (known !== undefined) return known;
  // What is remembered may be older than the endpoint, and a message is not buried on its word.
  endpoints.forget(endpointId);
  const found = await endpoints.resolve(endpointId);
  if (found === undefined) throw noSuchEndpoint();
  return found;
};

const tooLarge = () =>
  refuse('request.too_large', `The body is larger than ${RUN_BODY_MAX_BYTES} bytes.`);

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const jsonOf = (value: object): Buffer => Buffer.from(JSON.stringify(value));
