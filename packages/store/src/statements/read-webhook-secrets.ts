import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const SECRETS = statement({
  name: 'read_webhook_secrets',
  text: 'select webhook_secrets from endpoints where endpoint_id = $1',
});

/** The sealed secrets that sign an endpoint's webhooks, newest first; none until one is given. */
export const readWebhookSecrets = async (store: Store, endpointId: EndpointId): Promise<Buffer[]> =>
  (await store.run<{ webhook_secrets: Buffer[] }>(SECRETS, [endpointId]))[0]?.webhook_secrets ?? [];
