import type { Operation } from '../history.ts';
import { type Breach, type Given, tell } from './breach.ts';

/** A key that is limited to an endpoint is told of no job elsewhere, whatever id it asks with. */
export const checkReach = ({ history, jobs }: Given): Breach[] => {
  const foreignIn = ({ reach, jobId, shown = [] }: Operation): string[] =>
    [...shown, ...(jobId === undefined ? [] : [jobId])].filter((id) => {
      const job = jobs.get(id);
      return job !== undefined && job.endpoint !== reach;
    });
  const told = history.operations
    .filter(({ reach, outcome }) => reach !== undefined && outcome === 'ok')
    .flatMap((one) =>
      foreignIn(one).map((id) => `${id} by ${one.kind} with a key of ${one.reach}`),
    );
  return tell('a key is told of no job that is not of its endpoints', told, (what) => what);
};

/** How often a key asked for what is another's. */
export const countTrespasses = ({ history }: Given): number =>
  history.operations.filter(({ kind }) => kind === 'trespass').length;
