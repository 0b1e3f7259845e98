import { REPOSITORY, type Switchyard } from '../../support/start-switchyard.ts';
import { runOnTerminal, type Session } from './run-on-terminal.ts';

const SUBMIT_WAIT_MS = 300_000;

/** The files and addresses that the command is given; none of them needs quoting. */
export type Submission = {
  readonly endpoint: string;
  readonly inputsFile: string;
  readonly s3ConfigFile: string;
  readonly webhook: string;
};

/** Submits every line of the inputs by the command line, at a terminal, and waits for the ends. */
export const submitInputs = (
  { apiUrl, apiKey }: Switchyard,
  { endpoint, inputsFile, s3ConfigFile, webhook }: Submission,
): Promise<Session> => {
  const options = ['--file', inputsFile, '--s3-config-file', s3ConfigFile, '--webhook', webhook];
  const words = ['npx', 'switchyard', 'submit', endpoint, ...options, '--wait'];
  return runOnTerminal(words.map((word) => `'${word}'`).join(' '), {
    cwd: REPOSITORY,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SWITCHYARD_URL: apiUrl,
      SWITCHYARD_API_KEY: apiKey,
    },
    waitMs: SUBMIT_WAIT_MS,
  });
};
