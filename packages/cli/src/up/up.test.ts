import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../run-cli.fixture.ts';

const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-up-'));
after(() => rm(folder, { recursive: true, force: true }));

const PORTS = { PORT: '0', WORKER_PORT: '0' };
const MASTER_KEY = Buffer.alloc(32, 1).toString('base64');

/** A server that refuses whoever comes, in whatever protocol `talk` speaks. */
const startRefuser = async (talk: (socket: Socket) => void) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
};

const INFO = { server_id: 'test', version: '2.10.0', proto: 1, max_payload: 1_048_576 };
const refuseAsNats = (socket: Socket): void => {
  socket.write(`INFO ${JSON.stringify({ ...INFO, headers: true, auth_required: true })}\r\n`);
  socket.on('data', () => socket.end("-ERR 'Authorization Violation'\r\n"));
};

const REFUSAL = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "one"'];
const refuseAsPostgres = (socket: Socket): void => {
  const fields = Buffer.from(`${REFUSAL.join('\0')}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(fields.length + 4, 1);
  socket.once('data', () => socket.end(Buffer.concat([head, fields])));
};

test('a broker that refuses the credentials ends the start, told in one line', async () => {
  await using nats = await startRefuser(refuseAsNats);
  const dataDir = path.join(folder, 'refused');
  const ran = await runCli(['up'], {
    cwd: folder,
    env: {
      ...PORTS,
      BROKER_URL: `nats://one:hush@127.0.0.1:${nats.port}`,
      SWITCHYARD_DATA_DIR: dataDir,
    },
  });
  assert.equal(ran.err, `switchyard: NATS at 127.0.0.1:${nats.port} refuses the credentials.\n`);
  assert.equal(ran.code, 2);
  const left = await readdir(dataDir, { recursive: true });
  assert.ok(!left.some((file) => file.endsWith('postmaster.pid')), left.join(' '));
});

test('a database that refuses the password ends the start with one line', async () => {
  await using postgres = await startRefuser(refuseAsPostgres);
  const ran = await runCli(['up'], {
    cwd: folder,
    env: {
      ...PORTS,
      DATABASE_URL: `postgres://one:hush@127.0.0.1:${postgres.port}/one`,
      SWITCHYARD_MASTER_KEY: MASTER_KEY,
    },
  });
  assert.equal(
    ran.err,
    'switchyard: The database refuses what DATABASE_URL says: ' +
      'password authentication failed for user "one".\n',
  );
  assert.equal(ran.code, 2);
});

test('a template that is missing ends the start of a supervisor, and of nothing else', async () => {
  await using postgres = await startRefuser(refuseAsPostgres);
  const file = path.join(folder, 'elsewhere.yaml');
  await writeFile(file, 'endpoints: { one: { worker: { template: gone } } }\n');
  const env = {
    ...PORTS,
    BROKER_URL: 'nats://127.0.0.1:1',
    DATABASE_URL: `postgres://127.0.0.1:${postgres.port}/one`,
    SWITCHYARD_CONFIG: file,
    SWITCHYARD_MASTER_KEY: MASTER_KEY,
  };
  const [all, intake] = [
    await runCli(['up'], { cwd: folder, env }),
    await runCli(['up', 'intake'], { cwd: folder, env }),
  ];
  assert.equal(
    all.err,
    `switchyard: ${file}: endpoints.one.worker.template must be one of workerTemplates (none); ` +
      'got "gone".\n',
  );
  assert.equal(all.code, 2);
  assert.match(intake.err, /^switchyard: The database refuses [^\n]*\n$/);
});
