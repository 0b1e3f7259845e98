import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Ground } from './ground.ts';

/** Copies history, logs and tables of a run into the folder `to`, for whoever asks why. */
export const keepRun = async (ground: Ground, to: string): Promise<void> => {
  const { folder, switchyard, postgres, databaseUrl } = ground;
  const disk = path.join(folder, 'disk');
  await cp(folder, to, { recursive: true, filter: (file) => !file.startsWith(disk) });
  for (const { name, logPath } of switchyard.processes) {
    await cp(logPath, path.join(to, `${name}.service.log`));
  }
  await writeFile(path.join(to, 'tables.sql'), await postgres.dump(databaseUrl));
};
