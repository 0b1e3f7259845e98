import { type Config, findEmbeddedPostgres } from '@switchyard/runtime';
import {
  checkInvariants,
  compareSchema,
  type InvariantReport,
  inspectServer,
  isPassing,
  openStore,
} from '@switchyard/store';
import { CommandFailed, UsageError } from '../failures.ts';
import { note } from '../output/print.ts';
import { openProgress } from '../output/progress.ts';

/**
 * Looks at the database for what must never be, and tells on standard error how far it is.
 * @returns undefined where the database cannot be reached.
 * @throws CommandFailed where its schema is not this version's.
 */
export const examineInvariants = async (
  { databaseUrl, dataDir }: Config,
  withinMs: number,
): Promise<InvariantReport | undefined> => {
  const url = databaseUrl ?? (await findEmbeddedPostgres(dataDir));
  if (url === undefined) {
    throw new UsageError(['DATABASE_URL is not set, and no embedded database runs here.']);
  }
  const store = openStore({
    ...{ url, applicationName: 'switchyard doctor' },
    ...{ connections: 1, pinnedConnections: 1 },
  });
  const progress = openProgress('jobs looked at', 0);
  try {
    const { missing, unknown } = compareSchema((await inspectServer(store)).applied);
    if (missing.length + unknown.length > 0) {
      throw new CommandFailed("The schema is not this version's; `switchyard doctor` says more.");
    }
    return await checkInvariants(store, {
      withinMs,
      onProgress: (jobs, about) => {
        progress.setTotal(about);
        progress.set(jobs);
      },
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    note(`The database cannot be asked: ${error instanceof Error ? error.message : error}`);
    return undefined;
  } finally {
    progress.end();
    await store.close();
  }
};
