import { callsTo } from '../support/call-http.ts';
import { makeKey } from '../support/setup-calls.ts';
import { judge } from './judge.ts';
import type { Patient } from './seed.ts';

/** Mistakes between this command line and the server. */
export const seedServer = async ({ checks, examine, switchyard }: Patient): Promise<void> => {
  const { key } = await makeKey(callsTo(switchyard.apiUrl, switchyard.apiKey), {
    scopes: ['read', 'submit'],
  });
  const limited = await examine({ SWITCHYARD_API_KEY: key });
  judge(checks, 'key without scope', limited, ['key.scope']);
  const forged = await examine({ SWITCHYARD_API_KEY: `${key.slice(0, -4)}AAAA` });
  judge(checks, 'key that is none', forged, ['key.invalid']);

  const supervisor = switchyard.process('supervisor');
  await supervisor.end('SIGTERM');
  judge(checks, 'unreachable gateway', await examine(), ['gateway.unreachable']);
  await supervisor.start();
  const intake = switchyard.process('intake');
  await intake.end('SIGTERM');
  judge(checks, 'unreachable server', await examine(), ['server.unreachable']);
  await intake.start();
  const typo = { SWITCHYARD_HOSTS: 'x', PORT: 'http' };
  judge(checks, 'variables out of bounds and unknown', await examine(typo), [
    'environment.invalid',
  ]);
};
