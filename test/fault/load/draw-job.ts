/** What a client asks for as its n-th job. Pure: the seed alone decides. */
import { ENDPOINTS } from '../ground.ts';
import type { Random } from '../random.ts';

export const WAYS_IN = ['run', 'runsync', 'broker'] as const;

/** What the client does with a job besides posting it. */
export const AFTERWARDS = ['nothing', 'cancel', 'retry', 'stream', 'look'] as const;

export type DrawnJob = {
  readonly endpoint: string;
  readonly via: (typeof WAYS_IN)[number];
  /** Undefined: it may be posted only once. */
  readonly key: string | undefined;
  /** The bytes of the input, and of the whole body. */
  readonly input: string;
  readonly body: string;
  readonly secrets: readonly string[];
  readonly hasWebhook: boolean;
  /** Not before, in ms since 1970. */
  readonly startAtMs: number | undefined;
  readonly afterwards: (typeof AFTERWARDS)[number];
  /** Whether somebody with the key of another endpoint asks for it. */
  readonly isTriedByOthers: boolean;
};

export type DrawOptions = {
  readonly random: Random;
  /** Of the run: keys of two runs must not be the same. */
  readonly prefix: string;
  /** Where webhooks go, without a slash at the end. */
  readonly webhookUrl: string;
  /** Where none may go, each without a slash at the end. */
  readonly forbiddenUrls?: readonly string[];
  readonly canary: () => string;
};

const TTL_SHORT_MS = 10_000;
const TTL_LONG_MS = 3_600_000;

/** Draws job `n`. */
export const drawJob = (n: number, options: DrawOptions): DrawnJob => {
  const { random, prefix, canary } = options;
  const shape = drawShape(random);
  const input = inputOf(n, shape, random);
  const secret =
    random.fraction() < 0.1 ? { accessId: canary(), accessSecret: canary() } : undefined;
  const hasWebhook = random.fraction() < 0.1;
  const webhook = `${drawTarget(options)}/${shape.endpoint}/${random.pick(ANSWERS)}`;
  const startAtMs = shape.isDelayed ? Date.now() + random.whole(1_000, 5_000) : undefined;
  const others = {
    policy: {
      ttl: shape.ttl === 'short' ? TTL_SHORT_MS : TTL_LONG_MS,
      lowPriority: random.fraction() < 0.2,
      ...(startAtMs === undefined ? {} : { startAfter: startAtMs }),
    },
    ...(hasWebhook ? { webhook } : {}),
    ...(secret === undefined
      ? {}
      : { s3Config: { ...secret, bucketName: 'faults', endpointUrl: 'http://127.0.0.1:9' } }),
  };
  return {
    endpoint: shape.endpoint,
    via: shape.via,
    key: shape.via === 'run' && random.fraction() < 0.05 ? undefined : `${prefix}-${n}`,
    input,
    body: `{"input":${input},${JSON.stringify(others).slice(1)}`,
    secrets: secret === undefined ? [] : Object.values(secret),
    hasWebhook,
    startAtMs,
    afterwards: shape.afterwards,
    isTriedByOthers: random.fraction() < 0.05,
  };
};

const ANSWERS = ['200', '200', '200', '500-200', '302-200'] as const;
const FORBIDDEN_PART = 0.1;

const drawTarget = ({ random, webhookUrl, forbiddenUrls = [] }: DrawOptions): string =>
  random.fraction() < FORBIDDEN_PART && forbiddenUrls.length > 0
    ? random.pick(forbiddenUrls)
    : webhookUrl;

type Shape = Pick<DrawnJob, 'endpoint' | 'via' | 'afterwards'> & {
  readonly do: 'echo' | 'sleep' | 'fail' | 'stream';
  readonly ttl: 'short' | 'long';
  readonly isDelayed: boolean;
};

const PLAIN: Shape = {
  ...{ endpoint: ENDPOINTS.main, via: 'run', afterwards: 'nothing' },
  ...{ do: 'echo', ttl: 'long', isDelayed: false },
};

/** Every shape with its weight. */
const SHAPES: readonly (readonly [weight: number, shape: Shape])[] = [
  [50, PLAIN],
  [6, { ...PLAIN, afterwards: 'look' }],
  [8, { ...PLAIN, via: 'runsync' }],
  [8, { ...PLAIN, via: 'broker' }],
  [6, { ...PLAIN, do: 'stream', afterwards: 'stream' }],
  [3, { ...PLAIN, do: 'fail' }],
  [3, { ...PLAIN, do: 'fail', afterwards: 'retry' }],
  [4, { ...PLAIN, do: 'sleep', afterwards: 'cancel' }],
  [2, { ...PLAIN, isDelayed: true }],
  [6, { ...PLAIN, endpoint: ENDPOINTS.local }],
  [2, { ...PLAIN, endpoint: ENDPOINTS.idle, ttl: 'short' }],
  [1, { ...PLAIN, endpoint: ENDPOINTS.idle, ttl: 'short', afterwards: 'retry' }],
  [1, { ...PLAIN, endpoint: ENDPOINTS.idle, ttl: 'short', afterwards: 'cancel' }],
];
const WEIGHTS = SHAPES.reduce((sum, [weight]) => sum + weight, 0);

const drawShape = (random: Random): Shape => {
  let left = random.fraction() * WEIGHTS;
  for (const [weight, shape] of SHAPES) {
    left -= weight;
    if (left < 0) return shape;
  }
  return PLAIN;
};

const inputOf = (n: number, shape: Shape, random: Random): string => {
  const ms = shape.do === 'sleep' ? random.whole(500, 2_000) : random.whole(5, 60);
  // No parser of numbers gives this one back.
  const exact = '1234567890123456789.10';
  return `{"do":"${shape.do}","n":${n}, "ms":${ms},"count":3,"everyMs":30,"exact":${exact}}`;
};
