import { tellFailure } from './failures.ts';
import { createProgram } from './program.ts';

// Whoever reads may stop (`| head -1`): the command goes on, so that its exit code stays true.
const bearBrokenPipe = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
};
process.stdout.on('error', bearBrokenPipe);
process.stderr.on('error', bearBrokenPipe);

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = tellFailure(error);
}
