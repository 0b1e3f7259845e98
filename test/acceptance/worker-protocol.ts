/** A worker written from RunPod's protocol alone: results, streams, stops, losses, refusals. */
import path from 'node:path';
import { startChecks } from './support/checks.ts';
import { runTestFiles } from './support/run-test-files.ts';

const TESTS_MIN = 24;

const checks = startChecks();
const file = path.join(import.meta.dirname, '../conformance/worker-protocol.test.ts');
const { passed, failed } = await runTestFiles([file]);
checks.check(passed >= TESTS_MIN, 'tests passed', `${passed}`, `at least ${TESTS_MIN}`);
checks.check(failed === 0, 'tests failed', `${failed}`, '0');
checks.end();
