import type { Engine, EnginePlan } from './engine.ts';

/** Opens the engine of `plan`. Its library is loaded only here, into this process alone. */
export const openEngine = async ({ engine, url, purpose }: EnginePlan): Promise<Engine> => {
  switch (engine) {
    case 'reference':
      return (await import('./engines/reference.ts')).openReference(url, purpose);
    case 'pg-boss':
      return (await import('./engines/pg-boss.ts')).openPgBoss(url, purpose);
    case 'graphile-worker':
      return (await import('./engines/graphile-worker.ts')).openGraphileWorker(url, purpose);
    case 'bullmq':
      return (await import('./engines/bullmq.ts')).openBullmq(url);
    default:
      return engine satisfies never;
  }
};
