import type { Validated } from '@switchyard/contracts';
import { fieldOf } from './answers.ts';

/** One try to deliver a webhook. */
export type DeliveryTry = {
  readonly n: number;
  readonly startedAt: string | null;
  readonly durationMs: number | null;
  readonly outcome: string | null;
  readonly responseStatus: number | null;
  /** The first bytes of what the target answered. */
  readonly responseExcerpt: string | null;
  readonly error: string | null;
};

/** One webhook to one URL, with every try. */
export type Delivery = {
  readonly id: string;
  readonly job: string;
  readonly url: string;
  /** Null while it is open. */
  readonly outcome: string | null;
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly tries: readonly DeliveryTry[];
};

/** The delivery in an answer of `/v1/endpoints/{id}/deliveries`. */
export const checkDelivery = (value: unknown): Validated<Delivery> => {
  const tries = fieldOf(value, 'tries');
  const read = {
    id: textOf(value, 'id'),
    job: textOf(value, 'job'),
    url: textOf(value, 'url'),
    outcome: textOf(value, 'outcome'),
    createdAt: textOf(value, 'createdAt'),
    closedAt: textOf(value, 'closedAt'),
  };
  const { id, job, url, createdAt } = read;
  if (id === null || job === null || url === null || createdAt === null || !Array.isArray(tries)) {
    return { ok: false, detail: 'A delivery lacks a field.' };
  }
  return { ok: true, value: { ...read, id, job, url, createdAt, tries: tries.map(tryIn) } };
};

const tryIn = (value: unknown): DeliveryTry => ({
  n: numberOf(value, 'n') ?? 0,
  startedAt: textOf(value, 'startedAt'),
  durationMs: numberOf(value, 'durationMs'),
  outcome: textOf(value, 'outcome'),
  responseStatus: numberOf(value, 'responseStatus'),
  responseExcerpt: textOf(value, 'responseExcerpt'),
  error: textOf(value, 'error'),
});

const textOf = (value: unknown, field: string): string | null => {
  const found = fieldOf(value, field);
  return typeof found === 'string' ? found : null;
};

const numberOf = (value: unknown, field: string): number | null => {
  const found = fieldOf(value, field);
  return typeof found === 'number' ? found : null;
};
