import { type Config, makeDoorUrl, VERSION } from '@switchyard/runtime';
import { isLocal } from '../config.ts';
import { type Clock, checkClock } from './check-clock.ts';
import { type Finding, findingsOf } from './finding.ts';

const { fine, warning, error } = findingsOf('server');

const ANSWER_MS = 5_000;
/** The Date header tells whole seconds. */
const SECOND_MS = 1_000;

type Answer = {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
};

/** The server, its gateway, and what the key of this command line may do there. */
export const checkServer = async (
  config: Config,
  apiKey: string | undefined,
): Promise<Finding[]> => {
  const { serverUrl } = config;
  const alive = await ask(`${serverUrl}/healthz`);
  const gateway = await checkGateway(config);
  if (typeof alive === 'string') {
    const remedy = 'Is it running, and is SWITCHYARD_URL right? `switchyard up` starts it.';
    return [
      error('server.unreachable', `${serverUrl} does not answer: ${alive}.`, remedy),
      gateway,
    ];
  }
  if (alive.body.ok !== true || typeof alive.body.version !== 'string') {
    const cause = `What answers at ${serverUrl} is no Switchyard, or an older one.`;
    return [error('server.stranger', cause, 'Set SWITCHYARD_URL to the server.'), gateway];
  }
  return [
    checkVersion(alive.body.version),
    ...(await checkReadiness(serverUrl)),
    await checkKey(serverUrl, apiKey),
    gateway,
    checkClock('the server', alive.clock),
  ];
};

const checkVersion = (version: string): Finding =>
  version === VERSION
    ? fine('server.version', `The server answers; it and this command are version ${VERSION}.`)
    : warning(
        'server.version',
        `The server is version ${version} and this command is ${VERSION}.`,
        'Update the older of the two.',
      );

const checkReadiness = async (serverUrl: string): Promise<Finding[]> => {
  const ready = await ask(`${serverUrl}/readyz`);
  if (typeof ready === 'string' || ready.status === 200) return [];
  const checks = Object.entries(Object(ready.body.checks)).flatMap(([name, check]) =>
    Object(check).ok === true ? [] : [name],
  );
  const cause = `The server cannot serve: ${checks.join(', ') || 'it does not say why'}.`;
  return [error('server.not_ready', cause, 'Look at its log, and at what it needs.')];
};

const checkKey = async (serverUrl: string, apiKey: string | undefined): Promise<Finding> => {
  if (apiKey === undefined) {
    const cause = 'There is no key to call the server with.';
    return error('key.missing', cause, 'Set SWITCHYARD_API_KEY to a key with the scope admin.');
  }
  const listed = await ask(`${serverUrl}/v1/endpoints`, apiKey);
  if (typeof listed === 'string') {
    return error('server.unreachable', `The server hung up: ${listed}.`, 'Look at its log.');
  }
  switch (listed.status) {
    case 200:
      return fine('key', 'SWITCHYARD_API_KEY may do everything that this command line does.');
    case 401:
      return error(
        'key.invalid',
        'SWITCHYARD_API_KEY is no key of this server, or was revoked, or has expired.',
        'Set the one of the server, or have one made: switchyard keys create NAME --scope admin',
      );
    case 403:
      return error(
        'key.scope',
        'SWITCHYARD_API_KEY lacks the scope admin: endpoints, keys and purges are closed to it.',
        'Have one made by who has it: switchyard keys create NAME --scope admin',
      );
    default:
      return error(
        'server.failing',
        `The server answers ${listed.status} to a plain question.`,
        'Look at its log, under the x-request-id of its answers.',
      );
  }
};

const checkGateway = async ({ host, ports, serverUrl }: Config): Promise<Finding> => {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const here = isEverywhere ? '127.0.0.1' : host;
  const name = isLocal(serverUrl) ? here : new URL(serverUrl).hostname;
  const url = makeDoorUrl(name.replace(/^\[|\]$/g, ''), ports.worker);
  const alive = await ask(`${url}/healthz`);
  if (typeof alive !== 'string' && alive.body.ok === true) {
    return fine('gateway', `The worker gateway answers at ${url}.`);
  }
  const why = typeof alive === 'string' ? alive : `it answered ${alive.status}`;
  return error(
    'gateway.unreachable',
    `The worker gateway does not answer at ${url}: ${why}.`,
    'Run `switchyard up supervisor`, or set SWITCHYARD_HOST and WORKER_PORT to where one is.',
  );
};

/** What a URL answers, or why nothing does. */
const ask = async (url: string, apiKey?: string): Promise<Answer | string> => {
  const sentMs = Date.now();
  try {
    const response = await fetch(url, {
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    const toldMs = Date.parse(response.headers.get('date') ?? '') + SECOND_MS / 2;
    const clock = {
      sentMs: sentMs - SECOND_MS / 2,
      answeredMs: Date.now() + SECOND_MS / 2,
      toldMs: Number.isNaN(toldMs) ? sentMs : toldMs,
    };
    return { status: response.status, body: objectIn(text), clock };
  } catch (cause) {
    return whyNot(cause);
  }
};

const objectIn = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};

const whyNot = (cause: unknown): string => {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `no answer in ${ANSWER_MS} ms`;
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  if (inner instanceof Error && 'code' in inner) return String(inner.code);
  return inner instanceof Error ? inner.message : String(inner);
};
