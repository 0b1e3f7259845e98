import { type Client, createClient, type Retry } from '@switchyard/sdk';
import { findApiKey, readCommandConfig } from './config.ts';
import { note } from './output/print.ts';

const RETRY_PATIENTLY_MS = [1_000, 2_000, 4_000];
const RETRY_ONCE_MS = [1_000];
const SAY_AGAIN_AFTER_MS = 1_000;

/**
 * The client of the configured server. With `patient` it bridges a restart of the server; without,
 * a person hears soon that nobody answers. @throws UsageError for a bad configuration.
 */
export const openClient = async ({ patient = false } = {}): Promise<Client> => {
  const config = readCommandConfig();
  return createClient({
    baseUrl: config.serverUrl,
    apiKey: await findApiKey(config),
    retryDelaysMs: patient ? RETRY_PATIENTLY_MS : RETRY_ONCE_MS,
    onRetry: sayRetries(),
  });
};

/** Many calls fail together when the server goes away; one line a second says it. */
const sayRetries = (): ((retry: Retry) => void) => {
  let saidAtMs = -SAY_AGAIN_AFTER_MS;
  return ({ error, delayMs }) => {
    if (performance.now() - saidAtMs < SAY_AGAIN_AFTER_MS) return;
    saidAtMs = performance.now();
    note(`${error.message} Trying again in ${Math.ceil(delayMs / 1_000)} s.`);
  };
};
