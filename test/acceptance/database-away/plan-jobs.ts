/** A job: what its worker does, and the output that comes of it. */
export type PlannedJob = {
  readonly endpoint: string;
  readonly input: object;
  readonly wanted: string;
  /** Whether it posts its output in pieces as well, which are to be read from `/stream`. */
  readonly streams: boolean;
};

const CHUNKS = 8;
const CHUNK_EVERY_MS = 400;

const sleepFor = (endpoint: string, ms: number): PlannedJob => ({
  endpoint,
  input: { do: 'sleep', ms },
  wanted: '"slept"',
  streams: false,
});

const times = (count: number, make: (n: number) => PlannedJob): PlannedJob[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** The workers of each endpoint; all of `finishing` are in the middle of a job at the stop. */
export const CREWS = [
  { endpoint: 'finishing', workers: 50 },
  // Posts chunks: what is stored of them must be each once and in order.
  { endpoint: 'streaming', workers: 5 },
  // Ends a job every few ms, so that some results and claims are on their way at the stop.
  { endpoint: 'brisk', workers: 5 },
  // Has nothing to do until Postgres is back.
  { endpoint: 'waiting', workers: 5 },
] as const;
export const WORKERS = CREWS.reduce((sum, { workers }) => sum + workers, 0);

/** One for each worker of `finishing`, of eight to fourteen seconds. */
export const firstJobs = (): PlannedJob[] =>
  times(CREWS[0].workers, (n) => sleepFor('finishing', 8_000 + n * 120));

/** What is queued when Postgres is stopped. */
export const queuedJobs = (): PlannedJob[] => [
  ...times(100, (n) => sleepFor('finishing', 1_000 + n * 20)),
  ...times(1_500, () => sleepFor('brisk', 20)),
  ...times(20, () => {
    const input = { do: 'stream', count: CHUNKS, everyMs: CHUNK_EVERY_MS, aggregate: true };
    const chunks = Array.from({ length: CHUNKS }, (_, chunk) => ({ chunk }));
    return { endpoint: 'streaming', input, wanted: JSON.stringify(chunks), streams: true };
  }),
];

/** For workers that waited all the while. */
export const laterJobs = (): PlannedJob[] => times(20, () => sleepFor('waiting', 100));
