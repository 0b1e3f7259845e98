import { setTimeout as pause } from 'node:timers/promises';
import { checkRun, tellBreaches } from '../../fault/check.ts';
import { readHistory } from '../../fault/history.ts';
import type { SceneName } from '../../fault/mutants/mutant.ts';
import { takeCensus } from '../../fault/take-census.ts';
import { waitForQuiet } from '../../fault/wait-for-quiet.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { reach, targets, turns } from './limits.ts';
import { CARELESS, listed, overtaken, relapse } from './lost-jobs.ts';
import { breakages, crash, expiry, flow, purge, strangers } from './scenes.ts';
import { openStage, type Stage } from './stage.ts';

const SCENES: Readonly<Record<SceneName, (stage: Stage) => Promise<void>>> = {
  ...{ flow, breakages, crash, expiry, purge, strangers, relapse, overtaken },
  ...{ listed, turns, targets, reach },
};

const CONCURRENCY = new Map([
  ['flow-one', 3],
  ['expiry-one', 2],
  ['purged-one', 1],
  ['holder', 4],
  ['rival-one', 8],
  ['careful', 1],
  ['keeper', 1],
  ['turns-one', 1],
  ['targets-one', 1],
  ['reach-one', 1],
]);

/** A webhook's last try comes twenty seconds after its first. */
const QUIET_MAX_MS = 30_000;
const SCENES_MAX_MS = 120_000;
/** What was published last is on its way. */
const ARRIVAL_MS = 500;

/**
 * Plays `scenes` on a system whose code is the tree at `tree`, and checks what became of it.
 * @returns a sentence for each rule that is broken.
 */
export const examine = async (
  tree: string,
  postgres: TestPostgres,
  scenes: readonly SceneName[],
): Promise<string[]> => {
  const late = AbortSignal.timeout(SCENES_MAX_MS);
  await using stage = await openStage(tree, postgres, late);
  const played = await Promise.allSettled(scenes.map((name) => SCENES[name](stage)));
  const failed = played.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
  const left = [...failed, await waitForQuiet(stage.databaseUrl, QUIET_MAX_MS)].join('');
  await pause(ARRIVAL_MS);
  await takeCensus({
    ...{ folder: stage.folder, databaseUrl: stage.databaseUrl },
    pids: () => [['the service', stage.service.pid() ?? 0]],
  });
  const { breaches } = await checkRun({
    ...{ history: readHistory(stage.folder), databaseUrl: stage.databaseUrl },
    ...{ logs: await stage.logs(), webhookSecrets: stage.webhookSecrets },
    ...{ concurrency: CONCURRENCY, careless: CARELESS },
  });
  const told = tellBreaches(breaches);
  return left === '' ? told : [...told, `all comes to rest (1): there is still ${left}`];
};
