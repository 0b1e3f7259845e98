/** The unmodified npm client runpod-sdk: every call, against four processes and all in one. */
import path from 'node:path';
import { startChecks } from './support/checks.ts';
import { runTestFiles } from './support/run-test-files.ts';

/** 18 tests of the client and one of the requests of other clients, in each of two modes. */
const TESTS_MIN = 38;

const checks = startChecks();
const file = path.join(import.meta.dirname, '../conformance/runpod-sdk.test.ts');
const { passed, failed } = await runTestFiles([file]);
checks.check(passed >= TESTS_MIN, 'tests passed', `${passed}`, `at least ${TESTS_MIN}`);
checks.check(failed === 0, 'tests failed', `${failed}`, '0');
checks.end();
