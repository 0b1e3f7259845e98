import { createHmac } from 'node:crypto';
import { STATE_AFTER } from '@switchyard/lifecycle';
import type { WebhookPost } from '../history.ts';
import { type Breach, type Given, groupBy, tell } from './breach.ts';

const APART_MS = 9_800;
const POSTS_MAX = 6;
const OLD_MAX_MS = 300_000;
const PREFIX = 'whsec_';

const statusIn = (body: string): { id?: unknown; status?: unknown } => {
  const value: unknown = JSON.parse(body);
  return typeof value === 'object' && value !== null ? value : {};
};

/** Each end of a job with a webhook is told, after it is so, as it is, and signed. */
export const checkWebhooks = (given: Given): Breach[] => {
  const { history, jobs, deliveries, isClockSet = false } = given;
  const { posts } = history;
  const told = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const endOf = (post: WebhookPost) => {
    const delivery = told.get(post.webhookId);
    const job = delivery && jobs.get(delivery.job);
    return job?.events.find(({ seq }) => seq === delivery?.seq);
  };
  const unfounded = posts.filter((post) => {
    const end = endOf(post);
    const { id, status } = statusIn(post.body);
    return end === undefined || STATE_AFTER[end.event] !== status || end.job !== id;
  });
  const early = isClockSet
    ? []
    : posts.filter((post) => post.atMs < Math.floor(endOf(post)?.atMs ?? 0));
  const byDelivery = groupBy(posts, ({ webhookId }) => webhookId);
  const silent = deliveries.filter(
    ({ id, outcome, unknowns }) => outcome === 'delivered' && !byDelivery.has(id) && unknowns === 0,
  );
  const open = deliveries.filter(({ outcome }) => outcome === undefined || outcome === null);
  const tooMany = [...byDelivery].filter(([, own]) => own.length > POSTS_MAX);
  const tooSoon = [...byDelivery].filter(([id, own]) => {
    // Ten seconds of a clock that steps may be over at once.
    if (isClockSet) return false;
    // A try of which nobody knows the end is made again at once.
    if ((told.get(id)?.unknowns ?? 0) > 0) return false;
    return own.some(({ atMs }, at) => atMs - (own[at - 1]?.atMs ?? -Infinity) < APART_MS);
  });
  const name = ({ webhookId }: WebhookPost): string => webhookId;
  return [
    ...tell('a webhook tells an end that is so', unfounded, name),
    ...tell('a webhook comes after the end that it tells', early, name),
    ...tell('what counts as delivered came', silent, ({ id }) => id),
    ...tell('every delivery is closed in the end', open, ({ id }) => id),
    ...tell('a delivery is tried six times at most', tooMany, ([id]) => id),
    ...tell('known tries are ten seconds apart', tooSoon, ([id]) => id),
    ...checkAfterSuccess(given, byDelivery),
    ...checkSignatures(given),
  ];
};

/** What came through is not sent again, but where nobody heard or could write down that it did. */
const checkAfterSuccess = (
  { deliveries }: Given,
  byDelivery: ReadonlyMap<string, readonly WebhookPost[]>,
): Breach[] => {
  const again = deliveries.filter(({ id, unknowns, unanswered }) => {
    const posts = byDelivery.get(id) ?? [];
    const first = posts.findIndex(({ statusCode = 0 }) => statusCode >= 200 && statusCode < 300);
    return first >= 0 && posts.length - 1 - first > unknowns + unanswered;
  });
  return tell('a webhook that came through is not sent again', again, ({ id }) => id);
};

const checkSignatures = ({ history, webhookSecrets, isClockSet }: Given): Breach[] => {
  const isSigned = ({ webhookId, timestamp, signature, body }: WebhookPost): boolean =>
    (webhookSecrets ?? []).some((secret) => {
      const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
      const signed = createHmac('sha256', key).update(`${webhookId}.${timestamp}.${body}`);
      return signature.split(' ').includes(`v1,${signed.digest('base64')}`);
    });
  const unsigned =
    webhookSecrets === undefined ? [] : history.posts.filter((post) => !isSigned(post));
  // Webhooks tell the time by the clock of the database.
  const old = history.posts.filter(
    ({ timestamp, atMs }) =>
      isClockSet !== true && Math.abs(Number(timestamp) * 1_000 - atMs) > OLD_MAX_MS,
  );
  return [
    ...tell('a webhook is signed', unsigned, ({ webhookId }) => webhookId),
    ...tell('a webhook tells when it was sent', old, ({ webhookId }) => webhookId),
  ];
};
