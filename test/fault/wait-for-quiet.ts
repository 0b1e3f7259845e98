import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

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

/** Waits until nothing is under way. @returns what is, after `timeoutMs`; empty: nothing. */
export const waitForQuiet = async (url: string, timeoutMs: number): Promise<string> => {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const left = await lookOnce(url).catch((error: unknown) => [String(error)]);
    if (left.length === 0) return '';
    if (performance.now() > untilMs) return left.join(', ');
    await pause(LOOK_AGAIN_MS);
  }
};

const lookOnce = async (url: string): Promise<string[]> => {
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
