/** Every failpoint that services pass, read off what they are made of. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { listStatements } from '@switchyard/store';
import { REPOSITORY } from '../support/start-switchyard.ts';

const STATEMENTS = 'packages/store/src/statements';
const INTAKE_ROUTES = 'services/intake/src/http';
const GATEWAY_ROUTES = 'services/supervisor/src/http';

/** What hints tell of; each leaves somewhere and comes in elsewhere. */
const HINTS = [
  'nudge',
  'demand',
  'assign',
  'scheduler-beat',
  'stop',
  'changed',
  'progress',
  'reconfigured',
  'due',
  'appended',
] as const;

export const BROKER_POINTS = [
  ...HINTS.flatMap((hint) => [`broker.hint.${hint}`, `broker.hear.${hint}`]),
  // Progress of a job, which is published as an event that may be lost.
  'broker.hint.events',
  ...['appendInOrder', 'listen', 'consume', 'settle', 'serve', 'answer'].map(
    (call) => `broker.${call}`,
  ),
] as const;

/** What leaves a service in no statement, message or answer. */
const OUTGOING_POINTS = [
  'notifier.post-webhook',
  'supervisor.spawn-worker',
  'supervisor.end-worker',
] as const;

/** Statements that only `switchyard doctor` runs, which is no service and changes nothing. */
export const DOCTORS = [
  'count_logged_ends',
  'estimate_jobs',
  'find_broken_counts',
  'find_broken_deliveries',
  'find_broken_histories',
  'find_broken_ranks',
  'find_broken_states',
  'find_broken_times',
  'find_foreign_chunks',
  'find_horizon_holder',
  'find_late_sweeps',
  'find_lost_endpoints',
  'find_misplaced_jobs',
  'find_range_end',
  'find_shared_keys',
  'find_stray_rows',
  'inspect_migrations',
  'inspect_server',
  'inspect_transactions',
] as const;

const readSources = (folder: string): { readonly file: string; readonly text: string }[] =>
  readdirSync(path.join(REPOSITORY, folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ file, text: readFileSync(path.join(REPOSITORY, folder, file), 'utf8') }));

const namesIn = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name = '']) => name);

/** Statements that are built where they are run, by the name that they give. */
const builtStatements = (): string[] =>
  readSources(STATEMENTS).flatMap(({ text }) => namesIn(text, /store\.query\(\s*'(\w+)'/g));

/** The names of the statements of each file that holds one. */
export const statementsByFile = (): ReadonlyMap<string, readonly string[]> =>
  new Map(
    readSources(STATEMENTS)
      // A file of one word is a part that statements share, but for two that hold several.
      .filter(({ file }) => file.includes('-') || /^(?:deliveries|events|inspect)\.ts$/.test(file))
      .map(({ file, text }) => [
        file,
        [
          ...namesIn(text, /store\.query\(\s*'(\w+)'/g),
          ...namesIn(text, /\bname(?:: | = state === 'any' \? )['`](\w+)/g),
        ],
      ]),
  );

const storePoints = (): string[] => {
  const doctors = new Set<string>(DOCTORS);
  const names = [...listStatements().map(({ name }) => name), ...builtStatements(), 'transaction'];
  return names.filter((name) => !doctors.has(name)).map((name) => `store.${name}`);
};

type Route = { readonly method: string; readonly path: string };

/** `_` stands for each id in a path. */
const pointOf = (service: string, { method, path: route }: Route): string =>
  [
    service,
    method.toLowerCase(),
    ...route
      .split('/')
      .filter(Boolean)
      .map((part) => (part.startsWith(':') ? '_' : part)),
  ].join('.');

export const intakeRoutes = (): Route[] =>
  readSources(INTAKE_ROUTES).flatMap(({ text }) =>
    [...text.matchAll(/method: '([A-Z]+)',\s+path: '([^']+)'/g)].map(
      ([, method = '', route = '']) => ({ method, path: route }),
    ),
  );

export const gatewayRoutes = (): Route[] =>
  readSources(GATEWAY_ROUTES).flatMap(({ text }) =>
    [...text.matchAll(/app\.(get|post)(?:<\w+>)?\(\s*'([^']+)'/g)].map(
      ([, method = '', route = '']) => ({
        method,
        path: route,
      }),
    ),
  );

/** Every name, once. */
export const listFailpoints = (): string[] => [
  ...new Set([
    ...storePoints(),
    ...BROKER_POINTS,
    ...OUTGOING_POINTS,
    ...intakeRoutes().map((route) => pointOf('intake', route)),
    ...gatewayRoutes().map((route) => pointOf('gateway', route)),
  ]),
];
