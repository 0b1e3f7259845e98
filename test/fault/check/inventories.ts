import { type Breach, type Given, tell } from './breach.ts';

/** What a worker still lists is given to another one: its late result must not meet a new claim. */
export const checkInventories = ({ listedClaims }: Given): Breach[] =>
  tell(
    'a job is not given again to a worker that still lists it',
    listedClaims,
    ({ job, workerId, claimNo }) => `${job} to ${workerId} as claim ${claimNo}`,
  );
