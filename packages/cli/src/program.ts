import { Command } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addApply } from './commands/apply.ts';
import { addCancel } from './commands/cancel.ts';
import { addDeliveries } from './commands/deliveries.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEndpoints } from './commands/endpoints.ts';
import { addJob } from './commands/job.ts';
import { addJobs } from './commands/jobs.ts';
import { addKeys } from './commands/keys.ts';
import { addMigrate } from './commands/migrate.ts';
import { addPurge } from './commands/purge.ts';
import { addRetry } from './commands/retry.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addUp } from './commands/up.ts';
import { addWait } from './commands/wait.ts';
import { addWorkers } from './commands/workers.ts';

const AFTER = `
Environment:
  SWITCHYARD_URL       the server (http://127.0.0.1:8080)
  SWITCHYARD_API_KEY   the key to call it with; of a server on this machine, the key that it
                       generated is found in SWITCHYARD_DATA_DIR (.switchyard)

Exit codes: 0 fine, 1 failed, 2 usage or configuration, 3 the server cannot be reached.`;

/** In the order in which the help lists them. */
const COMMANDS = [
  addUp,
  addMigrate,
  addSubmit,
  addStatus,
  addWait,
  addCancel,
  addRetry,
  addPurge,
  addJobs,
  addJob,
  addWorkers,
  addEndpoints,
  addApply,
  addKeys,
  addDeliveries,
  addDoctor,
];

/** The command line. Parsing rejects with a CommanderError for a bad usage, and after help. */
export const createProgram = (): Command => {
  const program = new Command('switchyard')
    .description('A job scheduler for inference and background work.')
    .version(manifest.version)
    .showHelpAfterError('(add --help for what it takes)')
    .addHelpText('after', AFTER)
    .exitOverride();
  for (const add of COMMANDS) add(program);
  return program;
};
