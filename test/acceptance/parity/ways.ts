import type { Producer } from '../../support/producer.ts';
import type { Call } from '../support/call-http.ts';

/** One way in. It answers with the object that `/run` answers, or with the problem. */
export type Way = {
  readonly name: string;
  readonly submit: (
    endpoint: string,
    body: string,
    key?: string,
  ) => Promise<Readonly<Record<string, unknown>>>;
};

const objectIn = (bytes: Buffer): Record<string, unknown> => {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new Error('the answer is no object');
  return { ...value };
};

/** HTTP beside the two ways that the broker has: published durably, and asked. */
export const waysOf = (call: Call, broker: string, producer: Producer): Way[] => [
  {
    name: 'HTTP',
    submit: async (endpoint, body, key) => {
      const headers = key === undefined ? {} : { 'idempotency-key': key };
      return (await call(`POST /v2/${endpoint}/run`, { body, headers })).json;
    },
  },
  {
    name: `${broker} published`,
    submit: async (endpoint, body, id) =>
      objectIn(
        await producer.publishAndHear({ endpoint, body, ...(id === undefined ? {} : { id }) }),
      ),
  },
  {
    name: `${broker} asked`,
    submit: async (endpoint, body, id) =>
      objectIn(await producer.ask({ endpoint, body, ...(id === undefined ? {} : { id }) })),
  },
];
