/**
 * Seeds each of ten mistakes in a running system: `switchyard doctor` finds it and says what to do.
 *
 * Each mistake is made for real and the command is run as a person runs it. What it found is held
 * against what was seeded: that and nothing else. A system that is well is the first and the last.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startPostgres } from '../support/postgres.ts';
import { REPOSITORY, startSwitchyard } from '../support/start-switchyard.ts';
import { type BrokerGround, openNatsGround, openRabbitGround } from './doctor/broker-ground.ts';
import { judge } from './doctor/judge.ts';
import { diagnosisIn, runSwitchyard } from './doctor/run-doctor.ts';
import type { Patient } from './doctor/seed.ts';
import { seedBroker } from './doctor/seed-broker.ts';
import { seedClock } from './doctor/seed-clock.ts';
import { seedDatabase } from './doctor/seed-database.ts';
import { seedFiles } from './doctor/seed-files.ts';
import { seedServer } from './doctor/seed-server.ts';
import { countFound, makeCanary } from './support/canaries.ts';
import { startChecks } from './support/checks.ts';

const CONFIG = `
endpoints: { echo: { worker: { template: echo, minimum: 1 } } }
workerTemplates:
  echo: { command: [node, ${JSON.stringify(path.join(REPOSITORY, 'examples/echo/worker.ts'))}] }
`;

const checks = startChecks();
const texts: string[] = [];
const password = makeCanary();
const masterKey = randomBytes(32).toString('base64');

/** A system on `ground` with the environment of its operator. */
const admit = async (ground: BrokerGround, started: AsyncDisposableStack): Promise<Patient> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-doctor-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const url = new URL(await postgres.createDatabase('switchyard'));
  url.password = password;
  const switchyard = started.use(
    await startSwitchyard({
      ...{ mode: 'separate', databaseUrl: url.href, brokerUrl: ground.url, config: CONFIG },
      env: { SWITCHYARD_MASTER_KEY: masterKey },
    }),
  );
  const right = {
    DATABASE_URL: url.href,
    BROKER_URL: ground.url,
    SWITCHYARD_MASTER_KEY: masterKey,
    SWITCHYARD_URL: switchyard.apiUrl,
    SWITCHYARD_API_KEY: switchyard.apiKey,
    SWITCHYARD_DATA_DIR: switchyard.dataDir,
    SWITCHYARD_CONFIG: path.join(path.dirname(switchyard.dataDir), 'switchyard.yaml'),
    WORKER_PORT: new URL(switchyard.gatewayUrl).port,
  };
  return {
    ...{ checks, switchyard, postgres, databaseUrl: url.href, folder },
    run: (args, env = {}) => runSwitchyard(args, { ...right, ...env }),
    examine: async (env = {}, prefix = []) => {
      const ran = await runSwitchyard(['doctor'], { ...right, ...env }, prefix);
      texts.push(ran.text);
      return diagnosisIn(ran);
    },
  };
};

/** Seeds at the broker, and `others` before; well at the beginning and at the end. */
const treat = async (
  openGround: () => Promise<BrokerGround>,
  others: readonly ((patient: Patient) => Promise<void>)[],
): Promise<void> => {
  await using started = new AsyncDisposableStack();
  const ground = started.use(await openGround());
  const patient = await admit(ground, started);
  judge(checks, `${ground.name}: a system that is well`, await patient.examine(), []);
  for (const seed of others) await seed(patient);
  await seedBroker(patient, ground);
  judge(checks, `${ground.name}: when all is mended`, await patient.examine(), []);
  const secrets = [password, masterKey, patient.switchyard.apiKey];
  const count = countFound(texts, secrets);
  checks.check(count === 0, `${ground.name}: secrets in what it printed`, count, 0);
};

await treat(openNatsGround, [seedDatabase, seedClock, seedFiles, seedServer]);
await treat(openRabbitGround, []);
checks.end();
