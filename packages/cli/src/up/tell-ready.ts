import path from 'node:path';
import { SECRETS_FILE_NAME } from '@switchyard/runtime';
import type { Parts } from './open-parts.ts';
import type { Addresses } from './start-services.ts';

const DEMO_ENDPOINT = 'echo';
const DEMO_INPUT = '{"input":{"hello":"world"}}';
const DEMO_WAIT_MS = 15_000;

/** What a person who started the system needs to go on: where it is, the key, a line to try. */
export const readyLines = (parts: Parts, addresses: Addresses): string[] => {
  const { config, apiKey, isKeyNew } = parts;
  const lines = [`Switchyard is ready: ${config.services.join(', ')}`];
  if (addresses.api !== undefined) lines.push(`  API      ${addresses.api}`);
  if (addresses.worker !== undefined) lines.push(`  workers  ${addresses.worker}`);
  if (addresses.scheduler !== undefined) lines.push(`  health   ${addresses.scheduler}/readyz`);
  if (addresses.notifier !== undefined) lines.push(`  health   ${addresses.notifier}/readyz`);
  if (isKeyNew && apiKey !== undefined) {
    lines.push(
      `  API key  ${apiKey}`,
      '           (shown this once; it is kept in the data directory)',
    );
  }
  return lines;
};

/** A line to paste into a shell. A key that was shown before is read from where it is kept. */
export const curlLine = (parts: Parts, api: string): string => {
  const { config, apiKey, isKeyNew } = parts;
  const file = path.join(path.resolve(config.dataDir), SECRETS_FILE_NAME);
  const kept = `$(sed -n 's/.*"apiKey": *"\\([^"]*\\)".*/\\1/p' ${quote(file)})`;
  const key = config.apiKey !== undefined ? '$SWITCHYARD_API_KEY' : isKeyNew ? apiKey : kept;
  return [
    `curl -sS ${api}/v2/${DEMO_ENDPOINT}/runsync`,
    `-H "Authorization: Bearer ${key}"`,
    `-H 'Content-Type: application/json'`,
    `-d '${DEMO_INPUT}'`,
  ].join(' ');
};

/** For use between the double quotes of the header. */
const quote = (file: string): string => `'${file.replaceAll("'", `'\\''`)}'`;

/** Runs one job through the HTTP API, the way a client would, and gives the answer's text. */
export const runDemoJob = async (api: string, apiKey: string): Promise<string> => {
  const answer = await fetch(`${api}/v2/${DEMO_ENDPOINT}/runsync?wait=${DEMO_WAIT_MS}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: DEMO_INPUT,
    signal: AbortSignal.timeout(DEMO_WAIT_MS + 5_000),
  });
  return answer.text();
};

/** Whether the file declares the endpoint that the demonstration uses. */
export const hasDemoEndpoint = ({ file }: Parts): boolean =>
  Object.hasOwn(file.file.endpoints ?? {}, DEMO_ENDPOINT);
