import { createSealer, passesSealCheck, SERVICE_NAMES } from '@switchyard/runtime';
import {
  CONNECTIONS_MAX,
  compareSchema,
  inspectServer,
  inspectTransactions,
  openStore,
  readCursorLag,
  readDeadRows,
  readSealCheck,
  type ServerFacts,
  type Store,
} from '@switchyard/store';
import { reasonOf } from '../failures.ts';
import { duration } from '../output/times.ts';
import { type Clock, checkClock } from './check-clock.ts';
import { type Finding, findingsOf } from './finding.ts';

const { fine, warning, error } = findingsOf('database');

const OLDEST_VERSION = 150_000;
/** So many dead rows in a table that has fewer live ones make claims and status reads slow. */
const DEAD_ROWS_MAX = 200_000;
/** Events that wait for this long have nobody who publishes them, in ms. */
const LAG_MAX_MS = 10_000;

export type DatabaseAsked = {
  readonly url: string;
  readonly masterKeys: readonly Buffer[] | undefined;
  /** Several processes, one for each service, share the database. */
  readonly isSpread: boolean;
};

/** How the database stands, on one connection, which changes nothing. */
export const checkDatabase = async (asked: DatabaseAsked): Promise<Finding[]> => {
  const store = openStore({
    ...{ url: asked.url, applicationName: 'switchyard doctor' },
    ...{ connections: 1, pinnedConnections: 1 },
  });
  try {
    const sentMs = Date.now();
    const facts = await inspectServer(store);
    const clock: Clock = { sentMs, answeredMs: Date.now(), toldMs: facts.nowMs };
    const schema = checkSchema(facts);
    const isCurrent = schema.every(({ level }) => level === 'fine');
    return [
      ...checkServer(facts),
      ...checkConnections(facts, asked.isSpread),
      ...schema,
      ...(facts.hasSealCheck ? await checkMasterKey(store, asked.masterKeys) : []),
      ...(isCurrent ? await checkWork(store) : []),
      checkClock('the database', clock),
    ];
  } catch (cause) {
    return [
      error(
        'database.unreachable',
        `The database cannot be asked: ${reasonOf(cause)}.`,
        'Is Postgres running, and are host, name, user and password in DATABASE_URL right?',
      ),
    ];
  } finally {
    await store.close();
  }
};

const checkServer = (facts: ServerFacts): Finding[] => {
  const findings: Finding[] = [];
  if (facts.versionNumber < OLDEST_VERSION) {
    const cause = `The database is PostgreSQL ${facts.version}; 15 is the oldest that works.`;
    findings.push(error('database.too_old', cause, 'Move it to a newer server with pg_dump.'));
  }
  if (facts.isStandby) {
    const cause = 'The database is a standby and takes no writes.';
    findings.push(error('database.standby', cause, 'Set DATABASE_URL to the primary.'));
  }
  if (!facts.isSafe || !facts.waitsForDisk) {
    findings.push(
      error(
        'database.not_durable',
        'The database may lose what it has committed: fsync, full_page_writes or ' +
          'synchronous_commit is off.',
        'Turn all three on in postgresql.conf and reload it; see infra/postgres.',
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [fine('database', `PostgreSQL ${facts.version} answers and keeps what it commits.`)];
};

const checkConnections = (facts: ServerFacts, isSpread: boolean): Finding[] => {
  const processes = isSpread ? SERVICE_NAMES.length : 1;
  const needed = processes * CONNECTIONS_MAX;
  const free = facts.connections - facts.others;
  if (free >= needed) {
    return [
      fine('database.connections', `${free} connections are to be had; ${needed} are needed.`),
    ];
  }
  const of = isSpread ? 'one process of each service' : 'one process';
  return [
    error(
      'database.connections',
      `The database has ${free} connections for Switchyard, and ${of} may use ${needed}.`,
      'Raise max_connections in postgresql.conf and restart it (or the limit of the role), or ' +
        'put PgBouncer in session mode before it.',
    ),
  ];
};

const checkSchema = ({ applied }: ServerFacts): Finding[] => {
  const { missing, unknown } = compareSchema(applied);
  const findings: Finding[] = [];
  if (unknown.length > 0) {
    findings.push(
      error(
        'schema.newer',
        `A newer Switchyard has migrated the database (${unknown.join(', ')}).`,
        'Update this Switchyard to the version that did.',
      ),
    );
  }
  if (missing.length > 0) {
    const cause =
      applied.length === 0
        ? 'The database has no schema yet.'
        : `The schema is old: it lacks ${missing.join(', ')}.`;
    findings.push(error('schema.old', cause, 'Run `switchyard migrate`, or start a service.'));
  }
  if (findings.length > 0) return findings;
  return [fine('schema', `The schema is this version's (${applied.at(-1)}).`)];
};

const checkMasterKey = async (
  store: Store,
  masterKeys: readonly Buffer[] | undefined,
): Promise<Finding[]> => {
  const sealed = await readSealCheck(store);
  if (sealed === undefined) {
    return [fine('master_key', 'No service has started on this database yet: any key will do.')];
  }
  if (masterKeys === undefined) return [];
  if (passesSealCheck(createSealer(masterKeys), sealed)) {
    return [fine('master_key', 'SWITCHYARD_MASTER_KEY opens the secrets in the database.')];
  }
  return [
    error(
      'master_key.wrong',
      'SWITCHYARD_MASTER_KEY is not the key that the secrets in the database are sealed with.',
      'Set the key that the first start had; a new one goes before it, with a comma between.',
    ),
  ];
};

const checkWork = async (store: Store): Promise<Finding[]> => {
  const findings: Finding[] = [];
  const longest = await inspectTransactions(store);
  if (longest !== undefined) {
    const { pid, applicationName, ageMs } = longest;
    findings.push(
      warning(
        'database.long_transaction',
        `A transaction of "${applicationName}" is open for ${duration(ageMs)}, and no dead row ` +
          'can be cleared away meanwhile.',
        `End what holds it; select pg_terminate_backend(${pid}) ends it by force.`,
      ),
    );
  }
  for (const { name, dead, live } of await readDeadRows(store)) {
    if (dead < DEAD_ROWS_MAX || dead < live) continue;
    findings.push(
      warning(
        'database.dead_rows',
        `The table ${name} holds about ${dead} dead rows beside ${live} live ones.`,
        `Is autovacuum on, and no transaction old? \`vacuum ${name}\` clears them at once.`,
      ),
    );
  }
  const lagMs = await readCursorLag(store, 'relay');
  if (lagMs > LAG_MAX_MS) {
    findings.push(
      warning(
        'events.late',
        `The oldest event that was not published waits for ${duration(lagMs)}.`,
        'Is a notifier running, and does it reach the broker? Its log says why not.',
      ),
    );
  }
  return findings;
};
