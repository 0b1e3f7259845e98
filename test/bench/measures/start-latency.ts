import { untilAllDone } from '../contender.ts';
import { openStoreOf, PEERS, type Peer } from '../contenders/peer.ts';
import { openSwitchyard, SWITCHYARD } from '../contenders/switchyard.ts';
import { quantile } from '../figures.ts';
import type { Bench, Figures, Measure, Subject } from '../measure.ts';
import { STAMPED_INPUT } from '../payload.ts';
import type { LatencyPlan } from '../programs/engine-latency.ts';
import { postJobs } from '../run-load.ts';
import { startProgram } from '../start-program.ts';

const PER_SECOND = 50;
const WARM_UP = 50;
/** So many that the pace holds when some take long. */
const CONNECTIONS = 16;

const jobsOf = ({ isQuick }: Bench): number => (isQuick ? 50 : 400);

const tell = (latenciesMs: readonly number[]): Figures => ({
  p50Ms: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
});

const readOurs = async (bench: Bench): Promise<Figures> => {
  await using arena = await openSwitchyard(bench.servers);
  const worker = await arena.startWorker({ isStamped: true });
  const requests = WARM_UP + jobsOf(bench);
  const plan = { connections: CONNECTIONS, requests, perSecond: PER_SECOND };
  await postJobs(await arena.front(), STAMPED_INPUT, plan);
  await untilAllDone(arena, [worker], requests);
  return tell((await worker.startLatenciesMs()).slice(WARM_UP));
};

const readPeer = async (bench: Bench, { engine, sync }: Peer): Promise<Figures> => {
  await using store = await openStoreOf(engine, bench.servers, sync);
  const plan: LatencyPlan = {
    engine,
    url: store.url,
    purpose: 'latency',
    jobs: jobsOf(bench),
    warmUp: WARM_UP,
    perSecond: PER_SECOND,
  };
  await using program = startProgram<readonly number[]>('engine-latency', plan);
  return tell(await program.reported);
};

const subjectsOf = (bench: Bench): Subject[] =>
  bench.contenders.flatMap(({ name }) => {
    if (name === SWITCHYARD.name) return [{ name, read: () => readOurs(bench) }];
    return PEERS.filter((peer) => peer.name === name).map((peer) => ({
      name,
      read: () => readPeer(bench, peer),
    }));
  });

export const START_LATENCY: Measure = {
  name: 'start-latency',
  about: '50 jobs/s: ours from the HTTP send to the handler elsewhere, peers inside one process',
  run: (bench) => bench.compare('start-latency', subjectsOf(bench)),
};
