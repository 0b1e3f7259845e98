import { BrokerError, inspectBroker } from '@switchyard/broker';
import { streams } from '@switchyard/contracts';
import { type Finding, findingsOf } from './finding.ts';

const { fine, error } = findingsOf('broker');

const CONNECT_MS = 3_000;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** How the broker and the streams that Switchyard stores on it stand; makes none of them. */
export const checkBroker = async (url: string | undefined): Promise<Finding[]> => {
  if (url === undefined) {
    return [fine('broker', 'BROKER_URL is not set: the broker is within the one process.')];
  }
  try {
    const options = { name: 'switchyard doctor', log: silent, connectTimeoutMs: CONNECT_MS };
    const report = await inspectBroker(url, Object.values(streams), options);
    const faults = report.streams.flatMap(({ name, state, detail }): Finding[] => {
      if (state === 'fine') return [];
      return state === 'missing' ? [missing(name, detail)] : [wrong(detail)];
    });
    if (faults.length > 0) return faults;
    const count = report.streams.length;
    return [
      fine('broker', `${report.server} answers, and its ${count} streams are as they should.`),
    ];
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    return [failure(cause)];
  }
};

const missing = (name: string, detail: string): Finding =>
  error(
    'broker.missing',
    detail === '' ? `The stream ${name} is missing at the broker.` : detail,
    'Run `switchyard migrate` with BROKER_URL set to a user who may make it.',
  );

const wrong = (detail: string): Finding =>
  error(
    'broker.wrong',
    detail,
    'Stop the services, empty and delete it at the broker, and run `switchyard migrate`.',
  );

const REMEDIES: Readonly<Record<string, string>> = {
  'broker.unavailable': 'Is it running, and are the hosts and ports in BROKER_URL right?',
  'broker.forbidden': 'Check user, password and permissions; infra/ has what each service needs.',
};

const failure = ({ code, message }: BrokerError): Finding =>
  error(code, message, REMEDIES[code] ?? 'Correct BROKER_URL.');
