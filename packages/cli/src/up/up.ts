import { type Config, onStopSignals } from '@switchyard/runtime';
import type { KeeperLine } from '@switchyard/supervisor';
import { EXIT } from '../failures.ts';
import { readUpConfig } from './config.ts';
import { openParts, type Parts } from './open-parts.ts';
import { runKeeper } from './run-keeper.ts';
import { DRAIN_MS, type Running, startServices } from './start-services.ts';
import { tell, tellFailure } from './tell-failure.ts';
import { curlLine, hasDemoEndpoint, readyLines, runDemoJob } from './tell-ready.ts';
import { watchParent } from './watch-parent.ts';

export type UpOptions = {
  /** None: all. */
  readonly services: readonly string[];
  /** Run one job at the end of the start and show its result. */
  readonly demo: boolean;
  /** Set in the HTTP part of a supervisor: the keeper that started it. */
  readonly keeper?: KeeperLine;
};

/**
 * Runs services until a signal ends them.
 * @returns the exit code of a start that failed: 2 when what was asked for cannot be (a bad value,
 * a port or data directory in use, credentials that are refused), 1 otherwise. A start
 * that works does not return.
 */
export const up = async (options: UpOptions): Promise<number> => {
  const asked = await readUpConfig(options.services);
  if (!asked.ok) return tell(asked.problems, EXIT.usage);
  if (isSupervisorAlone(asked.config) && options.keeper === undefined) {
    return runKeeper(asked).catch(tellFailure);
  }
  let parts: Parts;
  try {
    parts = await openParts(asked.config, asked.file);
  } catch (error) {
    return tellFailure(error);
  }
  let running: Running;
  try {
    running = await startServices(parts, options.keeper);
  } catch (error) {
    await parts.close();
    return tellFailure(error);
  }
  const stop = onStopSignals({
    log: parts.log,
    drainMs: DRAIN_MS + 2_000,
    stop: async () => {
      await running.stop();
      await parts.close();
    },
  });
  if (asked.isByNpm) watchParent(() => stop('npm is gone'));
  await tellReady(parts, running, options.demo);
  return new Promise(() => undefined);
};

/** A supervisor with a process of its own stands behind a keeper; in company it does without. */
const isSupervisorAlone = ({ services }: Config): boolean =>
  services.length === 1 && services[0] === 'supervisor';

const tellReady = async (parts: Parts, running: Running, demo: boolean): Promise<void> => {
  const { addresses } = running;
  await parts.postgres?.hold.publish({ url: addresses.api ?? '' });
  const lines = readyLines(parts, addresses);
  if (addresses.api !== undefined && hasDemoEndpoint(parts)) {
    lines.push('', 'Try it:', `  ${curlLine(parts, addresses.api)}`);
  }
  say(lines);
  const { apiKey } = parts;
  if (!demo || addresses.api === undefined || apiKey === undefined || !hasDemoEndpoint(parts))
    return;
  try {
    say(['', 'One job through the HTTP API:', `  ${await runDemoJob(addresses.api, apiKey)}`]);
  } catch (error) {
    parts.log.warn({ err: error }, 'the job of the demo did not come back');
  }
};

const say = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`);
};
