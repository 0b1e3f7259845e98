/**
 * Drawn sequences of operations, done to a pure model and to a real database: alike in the end.
 *
 * `--operations N` for others than 10,000, `--seed S` for those of a run before. A sequence that
 * breaks a rule is shrunk to the shortest that does, and printed with its seed.
 */
import { parseArgs } from 'node:util';
import { prepareDatabase } from '../races/ground.ts';
import { runSequences } from '../races/sequences.ts';
import { checkInvariants } from '../support/invariants.ts';
import { startPostgres } from '../support/postgres.ts';
import { withStore } from '../support/store.ts';
import { startChecks } from './support/checks.ts';

/** Databases beside each other: an operation is mostly waiting. */
const LANES = 4;
const SEEDS = 1_000_000_000;
/** A lane's seeds follow one another from its first, each good for some hundred operations. */
const SEEDS_APART = 100_000_000;
/** How many operations a line of progress is for. */
const TELL_EACH = 100_000;
/** Operations after which all that they made is looked at, and forgotten. */
const LOOK_AFTER = 10_000;

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * SEEDS)) },
  },
});
const operations = Number(values.operations);
const seed = Number(values.seed);
const checks = startChecks();
await using postgres = await startPostgres({ fsync: false });
process.env.TEST_DATABASE_URL = postgres.url;
console.log(`seed ${seed}, on Postgres, ${operations} operations`);

const kinds = new Map<string, number>();
let done = 0;
let toldAt = 0;
let sequences = 0;
const failures: string[] = [];

/** Goes on until all lanes together have done enough, or one of them failed. */
const runLane = async (lane: number): Promise<void> => {
  await using database = await withStore();
  await prepareDatabase(database);
  let next = (seed + lane * SEEDS_APART) % SEEDS;
  while (done < operations && failures.length === 0) {
    const share = Math.min(LOOK_AFTER, Math.ceil((operations - done) / LANES));
    const run = await runSequences(database, { operations: share, seed: next });
    next += run.seeds;
    done += run.operations;
    if (done - toldAt >= TELL_EACH) {
      toldAt = done;
      console.log(`     ${done} done`);
    }
    sequences += run.sequences;
    for (const [kind, times] of run.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + times);
    if (run.failure !== undefined) failures.push(run.failure);
    failures.push(...(await checkInvariants(database.url)));
    await database.sql(`truncate endpoints, counts, jobs, queue, delayed, leases, results, events,
      deliveries, job_secrets, stream_chunks`);
  }
};

await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(lane)));
const times = [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ');
checks.check(done >= operations, `operations in ${sequences} sequences`, done, operations);
console.log(`     ${times}`);
checks.check(failures.length === 0, 'sequences that broke a rule', failures.length, 0);
for (const failure of failures) console.log(failure);
checks.end();
