import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from '../support/postgres.ts';
import { REPOSITORY, type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';

const run = promisify(execFile);
const EXAMPLE_MAX_MS = 60_000;
const CONFIG = `
endpoints:
  echo: { worker: { template: echo, concurrency: 4, minimum: 1, maximum: 1 } }
workerTemplates:
  echo: { command: [${process.execPath}, ${path.join(REPOSITORY, 'examples/echo/worker.ts')}] }
`;

/** A whole Switchyard on the broker at `brokerUrl`, with a worker that echoes. */
export const openEchoSystem = async (brokerUrl: string): Promise<AsyncDisposable & Switchyard> => {
  await using started = new AsyncDisposableStack();
  const postgres = started.use(await startPostgres({ fsync: false }));
  const databaseUrl = await postgres.createDatabase();
  const switchyard = started.use(
    await startSwitchyard({ mode: 'all-in-one', databaseUrl, brokerUrl, config: CONFIG }),
  );
  const parts = started.move();
  return { ...switchyard, [Symbol.asyncDispose]: () => parts.disposeAsync() };
};

/** Runs a file of examples/producers to its end. @returns the lines that it printed. */
export const runExample = async (file: string, args: readonly string[]): Promise<string[]> => {
  const program = path.join(REPOSITORY, 'examples/producers', file);
  const command = file.endsWith('.sh') ? 'sh' : process.execPath;
  const { stdout } = await run(command, [program, ...args], { timeout: EXAMPLE_MAX_MS });
  return stdout.trim().split('\n');
};

/** A client's example follows its job to the end, and a second run of it finds the same job. */
export const testClientExample = async (file: string, brokerUrl: string): Promise<void> => {
  const args = [brokerUrl, 'echo', '{"input":{"n":1}}', randomUUID()];
  const [answer = '', ...events] = await runExample(file, args);
  const { id, status } = JSON.parse(answer.replace(/^answer /, ''));
  assert.equal(status, 'IN_QUEUE');
  assert.equal(events.at(0), 'event switchyard.job.accepted');
  assert.equal(events.at(-1), 'event switchyard.job.completed');
  const refused = runExample(file, [brokerUrl, 'echo', '{"input":', randomUUID()]);
  await assert.rejects(refused, ({ stdout }: { stdout: string }) =>
    /request\.body_invalid/.test(stdout),
  );
  assert.match(String(id), /^[0-9a-f-]{36}$/);
};
