/** A keeper as a program of its own, with the stand-in gateway as its child. */
import { onStopSignals } from '@switchyard/runtime';
import { inheritedEnvironment } from '../processes/config.ts';
import { collectLog } from '../processes/process.fixture.ts';
import { startKeeper } from './keeper.ts';

const [dataDir = '', childDelayMs = '0'] = process.argv.slice(2);
const { log } = collectLog();
const keeper = await startKeeper({
  listen: { host: '127.0.0.1', port: 0 },
  childModule: new URL('./gateway.fixture.ts', import.meta.url),
  childArgs: [childDelayMs],
  childEnv: inheritedEnvironment(),
  log,
  dataDir,
});
onStopSignals({ log, drainMs: 10_000, stop: keeper.stop });
process.stdout.write(`${JSON.stringify({ port: keeper.port })}\n`);
