import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './start-switchyard.ts';

const run = promisify(execFile);

/** `switchyard migrate`, as the operator of a broker runs it. @throws Error with what it said. */
export const migrateBroker = async (brokerUrl: string): Promise<void> => {
  const cli = path.join(REPOSITORY, 'packages/cli/bin/switchyard.mjs');
  const env = { PATH: process.env.PATH ?? '', BROKER_URL: brokerUrl };
  await run(process.execPath, [cli, 'migrate'], { env });
};
