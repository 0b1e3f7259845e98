/**
 * `npm run profile`: where each process spends its time, or allocates, under load.
 *
 *   --load end-to-end|accept|drain|status|runsync|webhooks   default end-to-end
 *   --jobs N             how many jobs go through (requests, for status); default 20,000
 *   --kind cpu|heap      default cpu
 *
 * One profile for each process goes to `test/results/`, to be opened in Chrome's developer tools,
 * and the functions that cost the most by themselves are printed.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '../support/start-switchyard.ts';
import { openSwitchyard } from './contenders/switchyard.ts';
import { INSPECTED, type Inspector, openInspector, openInspectors } from './inspect-process.ts';
import { LOADS, type Load } from './profile/loads.ts';
import { readCpuProfile, readHeapProfile, tellProfile } from './profile/read-profile.ts';
import { makeResultsFolder } from './readings.ts';
import { openServers } from './servers.ts';

const SAMPLE_US = 200;
const ALLOCATION_SAMPLE_BYTES = 16_384;

const { values } = parseArgs({
  options: {
    load: { type: 'string', default: 'end-to-end' },
    jobs: { type: 'string', default: '20000' },
    kind: { type: 'string', default: 'cpu' },
  },
});

const load: Load | undefined = LOADS[values.load];
if (load === undefined) throw new TypeError(`no load ${values.load}; ${Object.keys(LOADS)}`);
const isHeap = values.kind === 'heap';
const jobs = Number(values.jobs);

const begin = async (inspector: Inspector): Promise<void> => {
  if (isHeap) {
    // What was collected meanwhile was allocated all the same.
    await inspector.call('HeapProfiler.startSampling', {
      samplingInterval: ALLOCATION_SAMPLE_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    return;
  }
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await inspector.call('Profiler.start');
};

const end = async (inspector: Inspector): Promise<object> => {
  const method = isHeap ? 'HeapProfiler.stopSampling' : 'Profiler.stop';
  const { profile } = await inspector.call(method);
  if (typeof profile !== 'object' || profile === null) throw new Error(`${method}: no profile`);
  return profile;
};

const tell = (name: string, profile: object): void => {
  const ending = isHeap ? 'heapprofile' : 'cpuprofile';
  const file = path.join(
    makeResultsFolder(),
    `${values.load}-${name.replaceAll(' ', '-').toLowerCase()}.${ending}`,
  );
  writeFileSync(file, JSON.stringify(profile));
  const read = isHeap ? readHeapProfile(profile) : readCpuProfile(profile);
  console.log(`\n${name}: ${path.relative(REPOSITORY, file)}\n${tellProfile(read, jobs)}`);
};

await using servers = openServers();
await using arena = await openSwitchyard(servers, { env: INSPECTED });
using opened = new DisposableStack();
const inspectors = (await openInspectors(arena.switchyard)).map((one) => opened.use(one));
await using parts = new AsyncDisposableStack();
const prepared = await load(arena, jobs, parts);
if (prepared.workerUrl !== undefined) {
  inspectors.push(opened.use(await openInspector('worker', prepared.workerUrl)));
}
await prepared.warmUp();
await Promise.all(inspectors.map(begin));
const startedMs = performance.now();
await prepared.run();
const seconds = (performance.now() - startedMs) / 1_000;
const profiles = await Promise.all(inspectors.map(end));
console.log(`${values.load}: ${jobs} in ${seconds.toFixed(1)} s, ${Math.round(jobs / seconds)}/s`);
for (const [at, profile] of profiles.entries()) tell(inspectors[at]?.name ?? '', profile);
