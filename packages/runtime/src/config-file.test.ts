import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { findMissingTemplates, parseConfigFile, readConfigFile } from './config-file.ts';

const GOOD = `
endpoints:
  echo:
    name: Echo
    worker: { template: echo, concurrency: 4, minimum: 0, maximum: 3, idleTimeoutMs: 5000 }
    scaling: { rule: QUEUE_DELAY, value: 4 }
    defaults: { executionTimeoutMs: 600000, ttlMs: 86400000 }
    limits: { maxQueued: 1000000, maxConcurrent: null, maxAttempts: 3 }
    escalateAfterMs: 3600000
    retentionMs: 86400000   # from the terminal state
workerTemplates:
  echo: { command: [node, examples/echo/worker.ts], cwd: ., env: {}, killAfterMs: 5000 }
webhooks: { allowPrivateTargets: [] }
`;

const problemsOf = (text: string): readonly string[] => {
  const result = parseConfigFile(text);
  assert.ok(!result.ok, text);
  return result.problems;
};

const inFile = async (text: string, use: (file: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'switchyard-config-'));
  try {
    const file = path.join(directory, 'a file.yaml');
    await writeFile(file, text);
    await use(file);
  } finally {
    await rm(directory, { recursive: true });
  }
};

test('a file with every field is read, and says where it stands', () =>
  inFile(GOOD, async (file) => {
    const result = await readConfigFile(file);
    assert.ok(result.ok);
    assert.equal(result.path, file);
    assert.equal(result.file.endpoints?.echo?.limits?.maxConcurrent, null);
    assert.deepEqual(result.file.workerTemplates?.echo?.command, [
      'node',
      'examples/echo/worker.ts',
    ]);
  }));

test('an empty file is an empty configuration', () => {
  assert.deepEqual(parseConfigFile('# nothing yet\n'), { ok: true, file: {} });
});

test('a file that was named and is missing, or is a directory, is a problem', async () => {
  assert.deepEqual(await readConfigFile('/nowhere/at all.yaml'), {
    ok: false,
    problems: ['/nowhere/at all.yaml: there is no such file.'],
  });
  assert.deepEqual(await readConfigFile('/'), {
    ok: false,
    problems: ['/: it is a directory, not a file.'],
  });
});

test('a problem names file, field, bound and value', () =>
  inFile(
    'endpoints: { echo: { worker: { template: a, maximum: 1001 } } }\n' +
      'workerTemplates: { a: { command: [x] } }',
    async (file) => {
      const result = await readConfigFile(file);
      assert.ok(!result.ok);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0] ?? '', /a file\.yaml: endpoints\.echo\.worker.*1001/);
    },
  ));

test('one reading names a problem of every endpoint and template', () => {
  const problems = problemsOf(
    'endpoints: { a: { retentionMs: 1 }, b: { nmae: x } }\nworkerTemplates: { t: { command: [] } }',
  );
  for (const field of ['endpoints.a', 'endpoints.b', 'workerTemplates.t']) {
    assert.ok(
      problems.some((problem) => problem.startsWith(field)),
      `${field}: ${problems.join(' ')}`,
    );
  }
});

test('a worker without a template is for an endpoint that has one', () => {
  assert.ok(parseConfigFile('endpoints: { a: { worker: { maximum: 5 } } }').ok);
});

test('ids break no grammar', () => {
  assert.deepEqual(problemsOf('endpoints: { Echo: {}, two: {} }'), [
    'endpoints: an id must be 1 to 64 lower-case letters, digits and dashes; got "Echo".',
  ]);
});

test('a template may stand in the file of another machine, and is found to be missing here', () => {
  const missingIn = (text: string): string[] => {
    const result = parseConfigFile(text);
    assert.ok(result.ok, text);
    return findMissingTemplates(result.file);
  };
  const endpoints = 'endpoints: { one: {}, two: { worker: { template: gone } } }\n';
  assert.deepEqual(missingIn(endpoints), [
    'endpoints.two.worker.template must be one of workerTemplates (none); got "gone".',
  ]);
  assert.deepEqual(missingIn(`${endpoints}workerTemplates: { gone: { command: [x] } }`), []);
  assert.equal(missingIn('endpoints: { a: { worker: { template: toString } } }').length, 1);
});

test('targets that are neither an address nor a block are named, each with its place', () => {
  assert.deepEqual(
    problemsOf('webhooks: { allowPrivateTargets: [10.0.0.0/8, localhost, "::1", 10.0.0.0/33] }'),
    [
      'webhooks.allowPrivateTargets[1] must be an IP address or a CIDR block such as ' +
        '"10.1.2.0/24" or "fd00::/8"; got "localhost".',
      'webhooks.allowPrivateTargets[3] must be an IP address or a CIDR block such as ' +
        '"10.1.2.0/24" or "fd00::/8"; got "10.0.0.0/33".',
    ],
  );
});

test('an unknown field at the top is named', () => {
  assert.match(problemsOf('endpoint: {}')[0] ?? '', /^The file has an unknown field "endpoint"/);
});

test('broken YAML gives its line, and never the text of the line', () => {
  const problems = problemsOf('workerTemplates:\n  a: { env: { TOKEN: hush-hush }\n  b: [\n');
  assert.match(problems[0] ?? '', /^line \d+, column \d+: /);
  assert.ok(!problems.join('\n').includes('hush'));
});

test('a name that stands twice, and aliases that unfold into a bomb, are problems', () => {
  assert.match(problemsOf('endpoints: {}\nendpoints: {}')[0] ?? '', /unique/);
  const levels = Array.from({ length: 9 }, (_, at) => {
    const inside = at === 0 ? 'x' : Array.from({ length: 9 }, () => `*l${at - 1}`).join(', ');
    return `l${at}: &l${at} [${inside}]`;
  });
  assert.match(problemsOf(levels.join('\n'))[0] ?? '', /alias/i);
});

test('keys of prototypes are refused like any other', () => {
  problemsOf('endpoints: { __proto__: { worker: { template: toString } } }');
  assert.equal(Reflect.get({}, 'worker'), undefined);
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      parseConfigFile(text);
    }),
  );
});
