/**
 * The reference bound: the leanest tables and batches that we could write, its worker directly on
 * Postgres. No keys, events, webhooks, leases that end, nor a protocol for workers: it is a mark to
 * aim at, not a product.
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Engine, Purpose } from '../engine.ts';

const BATCH = 500;
const IDLE_MS = 20;
const DEADLINE_MS = 60_000;
const OUTPUT = '{"ok":true}';
const QUEUE = 1;
const WORKER = 1;

/** The tables; run once on an empty database. */
export const REFERENCE_TABLES = `
create table jobs (id bigint primary key, queue int not null, rank smallint not null,
  deadline bigint not null, input text not null, created_at timestamptz not null default now());
create table queue (queue int not null, rank smallint not null, deadline bigint not null,
  id bigint not null, primary key (queue, rank, deadline, id));
create table running (id bigint primary key, attempt int not null, worker int not null,
  queue int not null, rank smallint not null, deadline bigint not null);
create table results (id bigint primary key, status smallint not null, output text,
  finished_at timestamptz not null default now());
`;

const INSERT = {
  name: 'insert',
  text: `with made as (
    insert into jobs (id, queue, rank, deadline, input)
    select id, $1, 1, deadline, input from unnest($2::bigint[], $3::bigint[], $4::text[])
      as given (id, deadline, input) returning rank, deadline, id)
  insert into queue (queue, rank, deadline, id) select $1, rank, deadline, id from made`,
};
const TAKE = {
  name: 'take',
  text: `with taken as (
    delete from queue where ctid = any (array(
      select ctid from queue where queue = $1 order by queue, rank, deadline, id
      for update skip locked limit $2)) returning *),
  begun as (
    insert into running (id, attempt, worker, queue, rank, deadline)
    select id, 1, $3, queue, rank, deadline from taken)
  select jobs.id, jobs.input from taken join jobs on jobs.id = taken.id`,
};
const FINISH = {
  name: 'finish',
  text: `with ended as (
    delete from running where id = any ($1::bigint[]) and worker = $3 returning id),
  given as materialized (select * from unnest($1::bigint[], $2::text[]) as given (id, output))
  insert into results (id, status, output)
  select ended.id, 1, given.output from ended join given on given.id = ended.id`,
};

/** Without statistics Postgres would sort the whole queue for each take. */
const PINNED = ['seqscan', 'bitmapscan', 'sort']
  .map((name) => `-c enable_${name}=off`)
  .concat('-c jit=off', '-c plan_cache_mode=force_generic_plan')
  .join(' ');

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url, options: PINNED });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

type Row = { readonly id: string; readonly input: string };
type Waiting = { readonly input: string; readonly settle: PromiseWithResolvers<string> };

let lastId = Date.now() * 1_000;

const insert = async (client: pg.Client, inputs: readonly string[]): Promise<string[]> => {
  const ids = inputs.map(() => {
    lastId += 1;
    return String(lastId);
  });
  const deadline = Date.now() + DEADLINE_MS;
  const values = [QUEUE, ids, ids.map(() => deadline), inputs];
  await client.query({ ...INSERT, values });
  return ids;
};

/** One batch flies while the next collects. */
const openAdding = (client: pg.Client, wake: () => void) => {
  const waiting: Waiting[] = [];
  let flying = false;
  const fly = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      try {
        const ids = await insert(
          client,
          batch.map(({ input }) => input),
        );
        for (const [n, { settle }] of batch.entries()) settle.resolve(ids[n] ?? '');
        wake();
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    flying = false;
  };
  return (input: string): Promise<string> => {
    const settle = Promise.withResolvers<string>();
    waiting.push({ input, settle });
    if (!flying) {
      flying = true;
      setImmediate(fly);
    }
    return settle.promise;
  };
};

/** One hint at a time, on a connection of its own: within the insert it would slow commits. */
const openNotifying = (client: pg.Client): (() => void) => {
  let flying = false;
  return () => {
    if (flying) return;
    flying = true;
    client
      .query('notify bench')
      .catch(() => undefined)
      .finally(() => {
        flying = false;
      });
  };
};

/** Takes the next batch while the last one is being finished. */
const workThrough = async (
  takes: pg.Client,
  finishes: pg.Client,
  handle: (input: unknown) => void,
  idle: () => Promise<unknown>,
  isOn: () => boolean,
): Promise<void> => {
  let finishing: Promise<unknown> = Promise.resolve();
  while (isOn()) {
    const { rows } = await takes.query<Row>({ ...TAKE, values: [QUEUE, BATCH, WORKER] });
    if (rows.length === 0) {
      await idle();
      continue;
    }
    for (const { input } of rows) handle(JSON.parse(input));
    await finishing;
    const values = [rows.map(({ id }) => id), rows.map(() => OUTPUT), WORKER];
    finishing = finishes.query({ ...FINISH, values });
  }
  await finishing;
};

/**
 * Opens the reference on a database that has its tables. For throughput its worker looks by itself,
 * 20 ms after it found nothing: hints would make it take many small batches.
 */
export const openReference = async (url: string, purpose: Purpose): Promise<Engine> => {
  const clients = await Promise.all([url, url, url, url].map(connect));
  const [adds, takes, finishes, hears] = clients;
  if (!adds || !takes || !finishes || !hears) throw new Error('no connection');
  let isOn = true;
  let woken = Promise.withResolvers<void>();
  const idle = async (): Promise<void> => {
    await Promise.race([woken.promise, pause(IDLE_MS)]);
    woken = Promise.withResolvers<void>();
  };
  hears.on('notification', () => woken.resolve());
  const add = openAdding(adds, purpose === 'latency' ? openNotifying(hears) : () => undefined);
  let working: Promise<void> = Promise.resolve();
  return {
    add: (input) => add(JSON.stringify(input)),
    addMany: async (inputs) => {
      await insert(
        adds,
        inputs.map((input) => JSON.stringify(input)),
      );
    },
    work: async (handle) => {
      await hears.query('listen bench');
      working = workThrough(takes, finishes, handle, idle, () => isOn);
    },
    stop: async () => {
      isOn = false;
      woken.resolve();
      await working;
      await Promise.all(clients.map((client) => client.end()));
    },
  };
};
