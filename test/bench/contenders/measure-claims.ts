import { type InstanceId, parseEndpointId, parseWorkerId } from '@switchyard/contracts';
import { claimJobs, openStore, type Seat } from '@switchyard/store';
import { quantile } from '../figures.ts';
import type { Figures } from '../measure.ts';
import { openFiller } from './fill-jobs.ts';

const MANY = 100;

/**
 * Claims one and a hundred of the waiting jobs, again and again, by the product's statement, commit
 * included; what was claimed is queued anew, outside of the clock.
 */
export const measureClaims = async (
  databaseUrl: string,
  endpoint: string,
  isQuick: boolean,
): Promise<Figures> => {
  const endpointId = parseEndpointId(endpoint);
  const workerId = parseWorkerId('bench-claims');
  if (endpointId === undefined || workerId === undefined) throw new TypeError(endpoint);
  const seat: Seat = { workerId, instance: 'bench' as InstanceId };
  const store = openStore({ url: databaseUrl, applicationName: 'bench', pinnedConnections: 1 });
  await using filler = openFiller(databaseUrl, endpoint);
  const claim = async (count: number): Promise<number> => {
    const seats = Array.from({ length: count }, () => seat);
    const startedMs = performance.now();
    const claimed = await claimJobs(store, endpointId, 'bench', seats, false);
    const tookMs = performance.now() - startedMs;
    if (claimed.length !== count) throw new Error(`claimed ${claimed.length} of ${count}`);
    return tookMs;
  };
  const repeat = async (count: number, times: number): Promise<number[]> => {
    const tookMs: number[] = [];
    for (let n = 0; n < times; n += 1) {
      tookMs.push(await claim(count));
      if (count > 1) await filler.fill(count);
    }
    await filler.fill(times);
    return tookMs;
  };
  await repeat(1, 5);
  const ones = await repeat(1, isQuick ? 20 : 300);
  const hundreds = await repeat(MANY, isQuick ? 3 : 60);
  await store.close();
  return {
    claimOneP50Ms: quantile(ones, 0.5),
    claimOneP99Ms: quantile(ones, 0.99),
    claimHundredP50Ms: quantile(hundreds, 0.5),
    claimHundredP99Ms: quantile(hundreds, 0.99),
  };
};
