import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { readConfig, readConfigFile } from '@switchyard/runtime';
import { checkDataDirectory, checkEnvironment, checkFile } from './check-configuration.ts';
import type { Finding } from './finding.ts';

const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-look-'));
after(() => rm(folder, { recursive: true, force: true }));

const codes = (findings: readonly Finding[]) =>
  findings.map(({ level, code }) => `${level} ${code}`);
const environment = (env: Record<string, string>) => readConfig(env, { services: [] });

test('each bad variable is an error, an unknown one a warning, and none shows a secret', () => {
  assert.deepEqual(codes(checkEnvironment(environment({}))), ['fine environment']);
  const bad = checkEnvironment(environment({ PORT: 'x', SWITCHYARD_MASTER_KEY: 'hush' }));
  assert.deepEqual(codes(bad), ['error environment.invalid', 'error environment.invalid']);
  assert.doesNotMatch(JSON.stringify(bad), /hush/);
  const odd = checkEnvironment(
    environment({ SWITCHYARD_PORT: '1', DATABASE_URL: 'postgres://a:hush@b/c' }),
  );
  assert.deepEqual(codes(odd), [
    'warning environment.unknown',
    'warning environment.no_master_key',
  ]);
  assert.doesNotMatch(JSON.stringify(odd), /hush/);
  assert.ok(odd.every(({ remedy = '' }) => remedy !== ''));
});

test('a template names a program that this user may run, in a folder that is there', async () => {
  const file = path.join(folder, 'switchyard.yaml');
  await writeFile(path.join(folder, 'good'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(path.join(folder, 'plain'), '', { mode: 0o644 });
  const check = async (template: string) => {
    await writeFile(file, `workerTemplates: { w: ${template} }\n`);
    return checkFile(await readConfigFile(file), folder);
  };
  for (const good of ['[node, x.ts]', '[good]', '[./good]', `[${folder}/good]`]) {
    assert.deepEqual(codes(await check(`{ command: ${good} }`)), ['fine file'], good);
  }
  for (const bad of ['[absent]', '[plain]', '[./plain]', '[./absent]']) {
    assert.deepEqual(codes(await check(`{ command: ${bad} }`)), ['error template.no_command'], bad);
  }
  assert.match(
    (await check('{ command: [good], cwd: gone }'))[0]?.cause ?? '',
    /gone is no directory/,
  );
  assert.deepEqual(codes(await check('{ cwd: . }')), ['error file.invalid']);
});

test('a data directory must be writable, or one that can be made', async () => {
  const check = async (dataDir: string) => {
    const read = environment({ SWITCHYARD_DATA_DIR: dataDir });
    assert.ok(read.ok);
    return checkDataDirectory(read.config);
  };
  assert.deepEqual(codes(await check(folder)), ['fine data_directory']);
  const deep = path.join(folder, 'not', 'yet', 'there');
  assert.deepEqual(codes(await check(deep)), ['fine data_directory']);
  const file = path.join(folder, 'a-file');
  await writeFile(file, '');
  for (const bad of [file, path.join(file, 'data')]) {
    assert.deepEqual(codes(await check(bad)), ['error data_directory.unwritable'], bad);
  }
  const open = path.join(folder, 'open');
  await mkdir(open);
  await writeFile(path.join(open, 'secrets.json'), '{}');
  await chmod(path.join(open, 'secrets.json'), 0o640);
  assert.deepEqual(codes(await check(open)), ['fine data_directory', 'warning secrets.open']);
});
