import { describe } from 'node:test';
import { registerGatewayCalls } from './worker-protocol-suite/gateway-calls.ts';
import type { Fixture } from './worker-protocol-suite/job-client.ts';
import { registerLosses } from './worker-protocol-suite/losses.ts';
import { registerResults } from './worker-protocol-suite/results.ts';
import { registerStops } from './worker-protocol-suite/stops.ts';

/**
 * Registers tests that put the test worker, and calls by hand, to the gateway that `fixture` names
 * and look at their jobs through the client API. It is asked when the tests run, so that hooks can
 * start the services. The tests run one after the other, and take about four minutes: what the
 * protocol holds for 25 s is waited for.
 */
export const workerProtocolSuite = (fixture: Fixture): void => {
  describe('the RunPod worker protocol: results', () => registerResults(fixture));
  describe('the RunPod worker protocol: stops', () => registerStops(fixture));
  describe('the RunPod worker protocol: calls by hand', () => registerGatewayCalls(fixture));
  describe('the RunPod worker protocol: losses', () => registerLosses(fixture));
};
