/** What a profile of Node says, summed by function. Pure. */
import { columns } from '../table.ts';

type Frame = {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
};

type CpuNode = { readonly id: number; readonly callFrame: Frame };

type CpuProfile = {
  readonly nodes: readonly CpuNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

type HeapNode = {
  readonly callFrame: Frame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
};

/** Costs by function, and by the file that it stands in: µs, or bytes. */
export type ProfileSum = {
  readonly unit: 'µs' | 'bytes';
  readonly byFunction: ReadonlyMap<string, number>;
  readonly byPlace: ReadonlyMap<string, number>;
  readonly busy: number;
  /** Of a CPU profile, the time that nothing was done in. */
  readonly idle: number;
};

const TOLD = 25;
const PLACES_TOLD = 12;
const PATH_PARTS = 3;

const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)/;
const OURS = /((?:services|packages|test)\/.*)$/;

/** A package's name, a file of ours, or `node` for what Node brings itself. */
const placeOf = ({ url, functionName }: Frame): string => {
  if (functionName.startsWith('(')) return functionName;
  if (url === '' || url.startsWith('node:')) return url === '' ? 'native' : url;
  return PACKAGE.exec(url)?.[1] ?? OURS.exec(url)?.[1] ?? url;
};

const nameOf = (frame: Frame): string => {
  if (frame.functionName.startsWith('(')) return frame.functionName;
  const file = frame.url.split('/').slice(-PATH_PARTS).join('/');
  return `${frame.functionName || 'anonymous'} ${file}:${frame.lineNumber + 1}`;
};

const add = (sums: Map<string, number>, name: string, cost: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + cost);
};

const sum = (costs: Iterable<readonly [Frame, number]>, unit: ProfileSum['unit']): ProfileSum => {
  const byFunction = new Map<string, number>();
  const byPlace = new Map<string, number>();
  let busy = 0;
  let idle = 0;
  for (const [frame, cost] of costs) {
    if (frame.functionName === '(idle)') {
      idle += cost;
      continue;
    }
    busy += cost;
    add(byFunction, nameOf(frame), cost);
    add(byPlace, placeOf(frame), cost);
  }
  return { unit, byFunction, byPlace, busy, idle };
};

/** What `Profiler.stop` gave: the time of each sample belongs to the function it met. */
export const readCpuProfile = (profile: object): ProfileSum => {
  const { nodes, samples, timeDeltas } = profile as CpuProfile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const costs = samples.flatMap((id, at): [Frame, number][] => {
    const frame = frames.get(id);
    return frame === undefined ? [] : [[frame, timeDeltas[at + 1] ?? 0]];
  });
  return sum(costs, 'µs');
};

/** What `HeapProfiler.stopSampling` gave: bytes by the function that allocated them. */
export const readHeapProfile = (profile: object): ProfileSum => {
  const { head } = profile as { readonly head: HeapNode };
  const costs: [Frame, number][] = [];
  const walk = (node: HeapNode): void => {
    costs.push([node.callFrame, node.selfSize]);
    for (const child of node.children) walk(child);
  };
  walk(head);
  return sum(costs, 'bytes');
};

const top = (sums: ReadonlyMap<string, number>, count: number, all: number, jobs: number) =>
  [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, cost]) => [
      `  ${name}`,
      `${((cost * 100) / all).toFixed(1)} %`,
      (cost / jobs).toFixed(2),
    ]);

/** The functions and the places that cost the most by themselves, for each of `jobs`. */
export const tellProfile = (profile: ProfileSum, jobs: number): string => {
  const { unit, busy, idle, byFunction, byPlace } = profile;
  const share = idle === 0 ? '' : `, busy ${((busy * 100) / (busy + idle)).toFixed(0)} %`;
  const head = ['  by itself', 'share', `${unit} a job`];
  const places = top(byPlace, PLACES_TOLD, busy, jobs);
  const functions = top(byFunction, TOLD, busy, jobs);
  const table = columns([head, ...places, [''], ...functions]);
  return `${(busy / jobs).toFixed(1)} ${unit} a job${share}\n${table}`;
};
