import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { listFiles } from '../check/list-files.ts';
import { REPOSITORY } from '../support/start-switchyard.ts';
import {
  BROKER_POINTS,
  DOCTORS,
  gatewayRoutes,
  intakeRoutes,
  listFailpoints,
  statementsByFile,
} from './list-failpoints.ts';

const points = new Set(listFailpoints());
const read = (file: string): string => readFileSync(path.join(REPOSITORY, file), 'utf8');

test('there are more than sixty, each with one name', () => {
  assert.ok(points.size >= 60, String(points.size));
  assert.equal(points.size, listFailpoints().length);
});

test('every file of a statement has a failpoint for each statement in it', () => {
  const doctors = new Set<string>(DOCTORS);
  const files = statementsByFile();
  assert.ok(files.size > 60);
  for (const [file, names] of files) {
    if (read(`packages/store/src/statements/${file}`).includes('store')) {
      assert.notEqual(names.length, 0, `${file} names no statement`);
    }
    for (const name of names) {
      // A name that is finished at run time begins as it stands there.
      const isArmed = [...points].some((point) => point.startsWith(`store.${name}`));
      assert.ok(isArmed || doctors.has(name), `${file}: ${name} has no failpoint`);
    }
  }
});

test('statements reach Postgres through the store alone', () => {
  for (const file of listFiles(REPOSITORY)) {
    if (!file.startsWith('packages/store/src/statements/') || file.endsWith('.test.ts')) continue;
    assert.doesNotMatch(read(file), /from 'pg'|client\.query/, file);
  }
});

test('every call of the broker has one, but those that cross no process', () => {
  const [, port = ''] = read('packages/broker/src/broker.ts').split('export interface Broker {');
  const [calls = ''] = port.split('\n}\n');
  const methods = [...calls.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name);
  const inside = ['stats', 'onConnectionChange', 'close'];
  // What no service calls cannot be passed; it is armed all the same.
  const unused = ['request', 'append'];
  const covered = new Set(BROKER_POINTS.map((point) => point.split('.')[1]));
  assert.ok(methods.length > 5);
  for (const method of methods) {
    assert.ok(covered.has(method) || [...inside, ...unused].includes(method ?? ''), method);
  }
  const calledBy = listFiles(REPOSITORY).filter(
    (file) =>
      /^services\/.*(?<!test)\.ts$/.test(file) && /broker\.(?:request|append)\(/.test(read(file)),
  );
  assert.deepEqual(calledBy, []);
});

test('every route of clients and of workers has one', () => {
  const routed = (folder: string, pattern: RegExp): number =>
    listFiles(REPOSITORY)
      .filter((file) => file.startsWith(folder) && !file.endsWith('.test.ts'))
      .reduce((sum, file) => sum + [...read(file).matchAll(pattern)].length, 0);
  assert.equal(intakeRoutes().length, routed('services/intake/src/http/', /^ *path: '\//gm));
  assert.equal(
    gatewayRoutes().length,
    routed('services/supervisor/src/http/', /app\.(?:get|post)[<(]/g),
  );
});

test('what services send or start besides is known here', () => {
  const senders = listFiles(REPOSITORY).filter(
    (file) =>
      /^services\/.*\.ts$/.test(file) &&
      !/\.(?:test|fixture)\.ts$/.test(file) &&
      /\b(?:fetch|https?\.request|client\.dispatch|spawn|fork|net\.connect)\(/.test(read(file)),
  );
  assert.deepEqual(senders.sort(), [
    'services/notifier/src/post-webhook/connection.ts',
    // The keeper starts its child and the workers; what asks it to start one has the failpoint.
    'services/supervisor/src/keeper/tend-child.ts',
    'services/supervisor/src/processes/local-host.ts',
  ]);
});
