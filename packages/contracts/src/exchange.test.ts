import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeRequestSchema } from './exchange.ts';
import { validator } from './validate.ts';

const check = validator(ExchangeRequestSchema, 'exchange');

const exchangeOf = (claimNo: number, seq: number) => ({
  ...{ free: 0, held: [], waitMs: 0 },
  posts: [{ job: 'a', claimNo, kind: 'chunk', seq }],
});

test('a post whose numbers the database cannot hold is refused, not a defect of ours', () => {
  assert(check(exchangeOf(2_147_483_647, 2_147_483_647)).ok);
  assert(!check(exchangeOf(2_147_483_648, 0)).ok);
  assert(!check(exchangeOf(1, 2_147_483_648)).ok);
});
