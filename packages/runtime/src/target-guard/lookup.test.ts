import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, type LookupFunction } from 'node:net';
import { after, describe, test } from 'node:test';
import { createTargetGuard, type ResolveName, TargetRefusedError } from '../target-guard.ts';

const closed = createTargetGuard({ allowPrivateTargets: [] });

/** Answers each call with the next list of addresses, the last one again and again. */
const resolverOf = (...answers: string[][]): ResolveName & { calls: string[] } => {
  const calls: string[] = [];
  const resolve = async (hostname: string) => {
    calls.push(hostname);
    const list = answers[Math.min(calls.length, answers.length) - 1] ?? [];
    return list.map((address) => ({ address }));
  };
  return Object.assign(resolve, { calls });
};

type Found = { error: NodeJS.ErrnoException | null; address: unknown; family: unknown };

const run = (lookup: LookupFunction, hostname: string, options: object): Promise<Found> =>
  new Promise((done) => {
    lookup(hostname, options, (error, address, family) => done({ error, address, family }));
  });

describe('a name', () => {
  const guardOf = (resolve: ResolveName, ...allowPrivateTargets: string[]) =>
    createTargetGuard({ allowPrivateTargets, resolve });

  test('is handed on as the addresses that were judged, in the shape asked for', async () => {
    const lookup = guardOf(resolverOf(['93.184.216.34', '2606:4700::1', '1.1.1.1'])).lookupFor(443);
    const all = await run(lookup, 'example.com', { all: true });
    assert.deepEqual(all.address, [
      { address: '93.184.216.34', family: 4 },
      { address: '2606:4700::1', family: 6 },
      { address: '1.1.1.1', family: 4 },
    ]);
    const one = await run(lookup, 'example.com', {});
    assert.deepEqual(one, { error: null, address: '93.184.216.34', family: 4 });
    for (const family of [6, 'IPv6']) {
      const six = await run(lookup, 'example.com', { family });
      assert.deepEqual(six, { error: null, address: '2606:4700::1', family: 6 });
    }
    const four = await run(guardOf(resolverOf(['2606:4700::1'])).lookupFor(443), 'x.example', {
      family: 4,
    });
    assert.equal(four.error?.code, 'ENOTFOUND');
  });

  test('is refused when any of its answers is forbidden', async () => {
    const cases = [
      ...[['10.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['127.0.0.1', '93.184.216.34']],
      ...[['93.184.216.34', '::1'], ['::ffff:169.254.169.254'], ['64:ff9b::7f00:1', '1.1.1.1']],
      ...[['not an address'], ['1.1.1.1', '']],
    ];
    for (const answers of cases) {
      for (const options of [{ all: true }, { family: 4 }]) {
        const { error } = await run(
          guardOf(resolverOf(answers)).lookupFor(443),
          'x.example',
          options,
        );
        assert.ok(error instanceof TargetRefusedError, answers.join());
        assert.equal(error.code, 'target.refused');
        assert.match(error.message, /^The target x\.example (leads to|is not) .+\.$/);
      }
    }
  });

  test('of this host or of a metadata service is refused without asking', async () => {
    const resolve = resolverOf(['93.184.216.34']);
    for (const name of ['localhost', 'LocalHost.', 'x.localhost', 'metadata.google.internal.']) {
      const { error } = await run(guardOf(resolve).lookupFor(443), name, { all: true });
      assert.ok(error instanceof TargetRefusedError, name);
    }
    assert.deepEqual(resolve.calls, []);
  });

  test('of this host keeps the family that was opened', async () => {
    const both = resolverOf(['::1', '127.0.0.1']);
    const lookup = guardOf(both, '127.0.0.0/8').lookupFor(443);
    const found = await run(lookup, 'localhost', { all: true });
    assert.deepEqual(found.address, [{ address: '127.0.0.1', family: 4 }]);
    const other = await run(lookup, 'two.example', { all: true });
    assert.ok(other.error instanceof TargetRefusedError);
    const stray = await run(
      guardOf(resolverOf(['10.0.0.1']), '127.0.0.0/8').lookupFor(443),
      'localhost',
      {},
    );
    assert.ok(stray.error instanceof TargetRefusedError);
  });

  test('has the ports open of an open address that it leads to, and no others', async () => {
    const resolve = resolverOf(['10.1.2.3'], ['10.1.2.3', '1.1.1.1'], ['1.1.1.1']);
    const lookup = guardOf(resolve, '10.0.0.0/8').lookupFor(9092);
    const own = await run(lookup, 'x.example', { all: true });
    assert.deepEqual(own.address, [{ address: '10.1.2.3', family: 4 }]);
    for (const answer of ['both', 'public']) {
      const { error } = await run(lookup, 'x.example', { all: true });
      assert.ok(error instanceof TargetRefusedError, answer);
      assert.equal(error.message, 'The target x.example must not name port 9092.');
    }
  });

  test('that cannot be resolved gives the error of the resolver', async () => {
    const broken = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const lookup = guardOf(() => Promise.reject(broken)).lookupFor(443);
    assert.equal((await run(lookup, 'x.example', { all: true })).error, broken);
    const empty = await run(guardOf(resolverOf([])).lookupFor(443), 'x.example', { all: true });
    assert.equal(empty.error?.code, 'ENOTFOUND');
  });

  test('is resolved by the system when nothing else is given', async () => {
    const guard = createTargetGuard({ allowPrivateTargets: ['127.0.0.0/8', '::1/128'] });
    const { error, address } = await run(guard.lookupFor(443), 'localhost', {});
    assert.equal(error, null);
    assert.match(String(address), /^(127\.|::1$)/);
  });
});

describe('a connection', () => {
  const servers: http.Server[] = [];
  const serve = async (host: string, port: number): Promise<{ port: number; hosts: string[] }> => {
    const hosts: string[] = [];
    const server = http.createServer((request, response) => {
      hosts.push(request.headers.host ?? '');
      response.end('seen');
    });
    servers.push(server.listen(port, host));
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, hosts };
  };
  after(() => servers.map((server) => server.close()));

  /** Posts to a name and says what came of it. */
  const post = (port: number, lookup: LookupFunction): Promise<string> =>
    new Promise((done) => {
      const request = http.request(
        { host: 'rebind.example', port, lookup, method: 'POST', agent: false },
        (response) => {
          response.resume().on('end', () => done(`status ${response.statusCode}`));
        },
      );
      request.on('error', (error) => done(error.name)).end('{}');
    });

  test('goes to the address that was judged, though the name leads elsewhere since', async () => {
    // Loopback has room for a target that is open and a canary that is not, at the same port.
    const target = await serve('127.0.0.2', 0);
    const canary = await serve('127.0.0.1', target.port);
    const resolve = resolverOf(['127.0.0.2'], ['127.0.0.1'], ['127.0.0.2', '127.0.0.1']);
    const guard = createTargetGuard({ allowPrivateTargets: ['127.0.0.2/32'], resolve });
    const lookup = guard.lookupFor(target.port);
    assert.equal(await post(target.port, lookup), 'status 200');
    assert.deepEqual(resolve.calls, ['rebind.example']);
    assert.equal(await post(target.port, lookup), 'TargetRefusedError');
    assert.equal(await post(target.port, lookup), 'TargetRefusedError');
    assert.equal(resolve.calls.length, 3);
    assert.deepEqual(target.hosts, [`rebind.example:${target.port}`]);
    assert.deepEqual(canary.hosts, []);
  });

  test('to an address, which is never looked up, is judged by its socket', async () => {
    const { port } = await serve('127.0.0.1', 0);
    const socket = connect({ host: '127.0.0.1', port, lookup: closed.lookupFor(port) });
    await once(socket, 'connect');
    const verdict = closed.checkSocket(socket);
    assert.deepEqual(verdict, { ok: false, reason: 'leads to 127.0.0.1, a loopback address' });
    const open = createTargetGuard({ allowPrivateTargets: ['127.0.0.1/32'] });
    assert.deepEqual(open.checkSocket(socket), { ok: true });
    socket.destroy();
  });
});
