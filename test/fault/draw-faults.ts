/** Which faults a run strikes with. Pure: the seed alone decides. */
import type { ProxyMood } from '../support/tcp-proxy.ts';
import type { Random } from './random.ts';

/** What may be killed or stopped. `gateway` is the supervisor's child that speaks HTTP. */
export const PROCESSES = ['intake', 'scheduler', 'supervisor', 'gateway', 'notifier'] as const;
export type ProcessTarget = (typeof PROCESSES)[number];

const WORKERS = ['worker-one', 'worker-two'] as const;
export type WorkerTarget = (typeof WORKERS)[number];

/** Ways between two parts that a proxy stands in. */
export const WAYS = [
  ...(['intake', 'scheduler', 'supervisor', 'notifier'] as const).flatMap(
    (name) => [`${name}-postgres`, `${name}-broker`] as const,
  ),
  'clients-intake',
  'workers-gateway',
  'notifier-webhooks',
] as const;
export type Way = (typeof WAYS)[number];

export const CLOCKS = ['intake', 'scheduler', 'supervisor', 'notifier', 'postgres'] as const;
export type ClockTarget = (typeof CLOCKS)[number];

const POSTGRES_FAULTS = [
  'postgres-sessions',
  'postgres-restart',
  'postgres-kill',
  'postgres-full',
  'postgres-crowded',
  'postgres-read-only',
] as const;
const BROKER_FAULTS = ['broker-kill', 'broker-wiped'] as const;

export type Fault = { readonly holdMs: number } & (
  | { readonly kind: 'kill'; readonly target: ProcessTarget }
  | { readonly kind: 'stop'; readonly target: ProcessTarget | WorkerTarget }
  | { readonly kind: (typeof POSTGRES_FAULTS)[number]; readonly target: 'postgres' }
  | { readonly kind: (typeof BROKER_FAULTS)[number]; readonly target: 'broker' }
  /** Without a mood, what stands is reset once. */
  | { readonly kind: NetworkKind; readonly target: Way; readonly mood: ProxyMood | undefined }
  | { readonly kind: 'clock'; readonly target: ClockTarget; readonly stepSeconds: number }
);

type NetworkKind = `network-${'cut' | 'half-open' | 'reset' | 'delay' | 'drop'}`;
type Family = 'kill' | 'stop' | 'postgres' | 'broker' | 'network' | 'clock';

/** Of a hundred faults. */
const SHARES: Readonly<Record<Family, number>> = {
  kill: 35,
  stop: 15,
  postgres: 15,
  broker: 15,
  network: 15,
  clock: 5,
};
const FAMILIES: readonly Family[] = ['kill', 'stop', 'postgres', 'broker', 'network', 'clock'];

/** How far a clock steps, ahead or back. */
export const CLOCK_STEP_SECONDS = 600;

const DRAWS: Readonly<Record<Family, (random: Random) => Fault>> = {
  kill: (random) => ({
    kind: 'kill',
    target: random.pick(PROCESSES),
    holdMs: random.whole(200, 2_000),
  }),
  stop: (random) => ({
    kind: 'stop',
    target: random.pick([...PROCESSES, ...WORKERS]),
    holdMs: drawStopMs(random),
  }),
  postgres: (random) => {
    const kind = random.pick(POSTGRES_FAULTS);
    const holdMs = kind === 'postgres-sessions' ? 0 : random.whole(500, 4_000);
    return { kind, target: 'postgres', holdMs };
  },
  broker: (random) => ({
    kind: random.pick(BROKER_FAULTS),
    target: 'broker',
    holdMs: random.whole(500, 5_000),
  }),
  network: (random) => drawNetwork(random, random.pick(WAYS)),
  clock: (random) => ({
    kind: 'clock',
    target: random.pick(CLOCKS),
    stepSeconds: random.pick([-CLOCK_STEP_SECONDS, CLOCK_STEP_SECONDS]),
    holdMs: random.whole(2_000, 8_000),
  }),
};

/** Most pauses are short; one in twenty is longer than a worker may be unseen. */
const drawStopMs = (random: Random): number => {
  const part = random.fraction();
  if (part < 0.8) return random.whole(1_000, 5_000);
  return part < 0.95 ? random.whole(5_000, 20_000) : random.whole(20_000, 60_000);
};

const drawNetwork = (random: Random, target: Way): Fault => {
  const holdMs = random.whole(1_000, 6_000);
  switch (random.whole(0, 4)) {
    case 0:
      return { kind: 'network-cut', target, holdMs, mood: { kind: 'cut' } };
    case 1:
      return { kind: 'network-half-open', target, holdMs, mood: { kind: 'half-open' } };
    case 2:
      return { kind: 'network-reset', target, holdMs: 0, mood: undefined };
    case 3: {
      const mood = { kind: 'delay', delayMs: random.whole(50, 1_500) } as const;
      return { kind: 'network-delay', target, holdMs, mood };
    }
    default: {
      const after = random.pick(['sent', 'answered'] as const);
      const mood = { kind: 'drop', after, bytes: random.whole(1, 20_000) } as const;
      return { kind: 'network-drop', target, holdMs, mood };
    }
  }
};

/** Draws `count` faults, of each family its share, in an order of chance. */
export const drawFaults = (random: Random, count: number): Fault[] => {
  const families = FAMILIES.flatMap((family) =>
    Array.from({ length: Math.floor((count * SHARES[family]) / 100) }, () => family),
  );
  while (families.length < count) families.push(drawFamily(random));
  return random.shuffle(families).map((family) => DRAWS[family](random));
};

const drawFamily = (random: Random): Family => {
  let left = random.fraction() * 100;
  for (const family of FAMILIES) {
    left -= SHARES[family];
    if (left < 0) return family;
  }
  return 'kill';
};
