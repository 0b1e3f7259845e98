import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, problemBody, Refusal, refuse } from './errors.ts';

const codes = Object.keys(ERRORS).filter((code): code is ErrorCode => code in ERRORS);

test('a code is stable and dotted, its status says whether the client or we are at fault', () => {
  for (const code of codes) {
    const { status, retry, title } = ERRORS[code];
    assert.match(code, /^[a-z]+\.[a-z_]+$|^outcome_unknown$/);
    assert(status >= 400 && status <= 599, code);
    assert.match(title, /^[A-Z][^.]*[^. ]$/, 'a title is a sentence without its full stop');
    if ([429, 503].includes(status)) assert(retry, `${code} passes by itself`);
    if ([400, 401, 403, 404, 413, 422].includes(status)) assert(!retry, `${code} does not`);
  }
});

test('a problem body is that of RFC 9457, with the error that RunPod clients look for', () => {
  for (const code of codes) {
    assert.deepEqual(problemBody({ code, detail: 'This is wrong.' }), {
      type: `https://switchyard.dev/errors/${code}`,
      title: ERRORS[code].title,
      status: ERRORS[code].status,
      detail: 'This is wrong.',
      code,
      error: 'This is wrong.',
    });
  }
});

test('a problem of a job names it, and nothing else of the problem shows', () => {
  const problem = {
    code: 'outcome_unknown',
    detail: 'Ask.',
    id: 'x',
    retryAfterSeconds: 5,
  } as const;
  const body = problemBody(problem);
  assert.equal(body.id, 'x');
  assert(!('retryAfterSeconds' in body), 'it is told in a header');
});

test('a refusal carries its problem as it was given', () => {
  const refusal = refuse('job.not_found', 'There is no job.', { retryAfterSeconds: 1 });
  assert(refusal instanceof Refusal);
  assert.deepEqual(refusal.problem, {
    ...{ code: 'job.not_found', detail: 'There is no job.', retryAfterSeconds: 1 },
  });
  assert.equal(refusal.message, 'There is no job.');
});
