import { type EndpointId, newWebhookSecret } from '@switchyard/contracts';
import type { Sealer } from './seal.ts';

/** A fresh secret that signs the webhooks of one endpoint, and the form in which it is stored. */
export const makeWebhookSecret = (
  sealer: Sealer,
  endpointId: EndpointId,
): { readonly secret: string; readonly sealed: Buffer } => {
  const secret = newWebhookSecret();
  return { secret, sealed: sealer.seal(Buffer.from(secret), placeOf(endpointId)) };
};

/** The secret that was sealed for this endpoint. @throws SealError */
export const openWebhookSecret = (sealer: Sealer, endpointId: EndpointId, sealed: Buffer): string =>
  sealer.open(sealed, placeOf(endpointId)).toString('utf8');

const placeOf = (endpointId: EndpointId): string => `${endpointId}|webhook-secret`;
