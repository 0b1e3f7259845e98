import { describe } from 'node:test';
import { registerGatewayCalls } from './worker-protocol-suite/gateway-calls.ts';
import { registerLosses } from './worker-protocol-suite/losses.ts';
import type { Fixture } from './worker-protocol-suite/own-endpoint.ts';
import { registerResults } from './worker-protocol-suite/results.ts';
import { registerStops } from './worker-protocol-suite/stops.ts';

/**
 * Registers tests that put the test worker, and calls by hand, to the gateway that `fixture` names
 * and look at their jobs through the client API. It is asked when the tests run, so that hooks can
 * start the services. Each test has an endpoint of its own. The longest waits a minute for a lost
 * worker: the lost ones run two at once, beside all others, which run one after the other.
 */
export const workerProtocolSuite = (fixture: Fixture): void => {
  describe('the RunPod worker protocol: losses', { concurrency: 2 }, () => registerLosses(fixture));
  describe('the RunPod worker protocol', { concurrency: 1 }, () => {
    describe('results', () => registerResults(fixture));
    describe('stops', () => registerStops(fixture));
    describe('calls by hand', () => registerGatewayCalls(fixture));
  });
};
