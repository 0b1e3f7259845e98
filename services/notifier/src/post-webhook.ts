import type { CheckedUrl, TargetGuard } from '@switchyard/runtime';
import type { DeliveryTry } from '@switchyard/store';
import { createConnections } from './post-webhook/connections.ts';
import { type Ending, Exchange, type Webhook } from './post-webhook/exchange.ts';

/** From the look-up of the name to the end of the answer. RunPod's documentation: 10 s. */
const DEADLINE_MS = 10_000;
const TOO_LATE = `No answer within ${DEADLINE_MS / 1_000} s.`;
const REASON_MAX_CHARACTERS = 500;
/** Webhooks are many and their URLs few: what the guard says of a URL is remembered. */
const URLS_REMEMBERED = 1_000;

export type PostOutcome = 'delivered' | 'failed' | 'refused';
export type Posted = Omit<DeliveryTry, 'deliveryId' | 'n'> & { readonly outcome: PostOutcome };

/**
 * Posts one webhook once. 2xx delivers it, as soon as the head of the answer is there; redirects
 * are not followed. Never throws: whatever happens is an outcome.
 * @returns undefined when it was abandoned, so that nobody knows what became of it.
 */
export type PostWebhook = (webhook: Webhook) => Promise<Posted | undefined>;

export interface Poster {
  readonly post: PostWebhook;
  /** Abandons the posts under way, and those to come. */
  abandon(): void;
  /** Closes the connections that are kept. */
  close(): void;
}

/** Posts to where `guard` lets it: the URL, each address of its name, and the socket are judged. */
export const createPoster = (guard: TargetGuard): Poster => {
  const connections = createConnections({ guard, connectMs: DEADLINE_MS });
  const underWay = new Set<Exchange>();
  const judged = new Map<string, CheckedUrl>();
  let isAbandoned = false;

  const checkUrl = (text: string): CheckedUrl => {
    const known = judged.get(text);
    if (known !== undefined) return known;
    const checked = guard.checkUrl(text);
    if (judged.size >= URLS_REMEMBERED) judged.clear();
    judged.set(text, checked);
    return checked;
  };

  const exchange = (url: URL, webhook: Webhook): Promise<Ending | undefined> =>
    new Promise((resolve) => {
      const ended = (ending: Ending | undefined): void => {
        clearTimeout(timer);
        underWay.delete(own);
        resolve(ending);
      };
      const timer = setTimeout(() => own.end(TOO_LATE), DEADLINE_MS);
      const own = new Exchange({ connections, url, webhook, ended });
      underWay.add(own);
      own.send();
    });

  return {
    post: async (webhook) => {
      const startedAtMs = performance.now();
      if (isAbandoned) return undefined;
      const checked = checkUrl(webhook.url);
      const ending: Ending | undefined = checked.ok
        ? await exchange(checked.url, webhook)
        : { kind: 'refused', reason: `The URL ${checked.reason}.` };
      return ending && postedOf(ending, performance.now() - startedAtMs);
    },
    abandon: () => {
      isAbandoned = true;
      for (const own of underWay) own.abandon();
    },
    close: connections.close,
  };
};

const postedOf = (ending: Ending, durationMs: number): Posted => {
  if (ending.kind !== 'answered') {
    const error = ending.reason.slice(0, REASON_MAX_CHARACTERS);
    const nothing = { responseStatus: null, responseExcerpt: null };
    return { outcome: ending.kind, delivered: false, durationMs, ...nothing, error };
  }
  const { status, excerpt } = ending;
  const delivered = status >= 200 && status <= 299;
  return {
    outcome: delivered ? 'delivered' : 'failed',
    delivered,
    durationMs,
    responseStatus: status,
    responseExcerpt: excerpt,
    error: delivered ? null : refusalOf(status),
  };
};

const refusalOf = (status: number): string =>
  status >= 300 && status <= 399
    ? `The target answered ${status}; redirects are not followed.`
    : `The target answered ${status}.`;
