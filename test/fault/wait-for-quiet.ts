import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { openProducer } from '../support/open-producer.ts';

const LOOK_AGAIN_MS = 500;

/** What is under way still, in words; none when all is quiet. */
const LOOKS: Readonly<Record<string, string>> = {
  queued: 'select count(*) from queue',
  delayed: 'select count(*) from delayed',
  running: 'select count(*) from leases',
  'webhooks not closed': 'select count(*) from deliveries where closed_at is null',
  'events not relayed': `select count(*) from events, cursors
    where name = 'relay' and (events.txid, events.id) > (cursors.txid, cursors.id)`,
};

/**
 * Waits until nothing is under way in the database, and no submission at the broker where one is
 * named. @returns what is, after `timeoutMs`; empty: nothing.
 */
export const waitForQuiet = async (
  databaseUrl: string,
  timeoutMs: number,
  brokerUrl?: string,
): Promise<string> => {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const left = await lookOnce(databaseUrl, brokerUrl).catch((error: unknown) => [String(error)]);
    if (left.length === 0) return '';
    if (performance.now() > untilMs) return left.join(', ');
    await pause(LOOK_AGAIN_MS);
  }
};

/** The broker first: what one took in hand that died is given to another half a minute later. */
const lookOnce = async (databaseUrl: string, brokerUrl?: string): Promise<string[]> => {
  const submissions = brokerUrl === undefined ? [] : await lookAtSubmissions(brokerUrl);
  return [...(await lookAtTables(databaseUrl)), ...submissions];
};

const lookAtSubmissions = async (url: string): Promise<string[]> => {
  const producer = await openProducer(url);
  try {
    const waiting = await producer.waiting();
    if (waiting === 0) return [];
    return [`${waiting} submissions at the broker (${await producer.describeWaiting()})`];
  } finally {
    await producer[Symbol.asyncDispose]();
  }
};

const lookAtTables = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const left: string[] = [];
    for (const [name, sql] of Object.entries(LOOKS)) {
      const { rows } = await client.query<{ count: string }>(sql);
      const count = Number(rows[0]?.count ?? 0);
      if (count > 0) left.push(`${count} ${name}`);
    }
    return left;
  } finally {
    await client.end();
  }
};
