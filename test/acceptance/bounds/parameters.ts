import type { Case } from './cases.ts';

const get = (line: string, status: number, says: Case['says'] = []): Case => ({
  name: 'GET',
  line: `GET ${line}`,
  status: [status],
  says,
});

const NO_INTEGERS = ['', 'x', '1e3', '1.5', '0x10', '+5', '%205', 'null', '1e400', '-1', 'NaN'];
const HUGE = ['2147483648', '9007199254740993', '99999999999999999999', '9'.repeat(400)];

/** `wait` of runsync, whose job nobody takes, and of status-sync, whose job has ended. */
export const waitCases = (endpoint: string, ended: string): Case[] => {
  const says = ['wait', '1000', '300000'];
  const wrong = [...NO_INTEGERS, ...HUGE, '0', '999', '300001', '1000&wait=2000'];
  return [
    ...wrong.flatMap((wait) => [
      {
        name: 'runsync',
        line: `POST /v2/${endpoint}/runsync?wait=${wait}`,
        body: '{"input":1}',
        status: [400],
        says,
      },
      get(`/v2/${endpoint}/status-sync/${ended}?wait=${wait}`, 400, says),
    ]),
    ...['1000', '1001', '299999', '300000'].map((wait) =>
      get(`/v2/${endpoint}/status-sync/${ended}?wait=${wait}`, 200),
    ),
    get(`/v2/${endpoint}/status-sync/${ended}`, 200),
  ];
};

const STATES = ['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'];

/** Limit, status and cursor of /requests. */
export const pageCases = (endpoint: string, cursor: string): Case[] => {
  const at = `/v2/${endpoint}/requests`;
  return [
    ...['1', '2', '999', '1000'].map((limit) => get(`${at}?limit=${limit}`, 200)),
    ...[...NO_INTEGERS, ...HUGE, '0', '1001', '1&limit=2'].map((limit) =>
      get(`${at}?limit=${limit}`, 400, ['limit', '1000']),
    ),
    ...STATES.map((state) => get(`${at}?status=${state}`, 200)),
    ...['in_queue', 'RUNNING', '', '%00', 'COMPLETED,FAILED', 'COMPLETED&status=FAILED', '1'].map(
      (state) => get(`${at}?status=${state}`, 400, ['status', 'IN_QUEUE']),
    ),
    get(`${at}?cursor=${encodeURIComponent(cursor)}`, 200),
    ...['', 'x', '%00', '-1', `${cursor}x`, cursor.slice(1), 'A'.repeat(22), 'A'.repeat(4_000)].map(
      (wrong) => get(`${at}?cursor=${wrong}`, 400, ['cursor']),
    ),
    get(`${at}?other=1&limit=1`, 200),
  ];
};

/** `from` of /stream, of a job that has ended, and the page of deliveries. */
export const listCases = (endpoint: string, ended: string): Case[] => {
  const stream = `/v2/${endpoint}/stream/${ended}?from=`;
  const deliveries = `/v1/endpoints/${endpoint}/deliveries`;
  return [
    ...['0', '1', '2147483647'].map((from) => get(`${stream}${from}`, 200)),
    ...[...NO_INTEGERS, ...HUGE].map((from) => get(`${stream}${from}`, 400, ['from'])),
    ...['1', '1000'].map((limit) => get(`${deliveries}?limit=${limit}`, 200)),
    ...[...NO_INTEGERS, ...HUGE, '0', '1001'].map((limit) =>
      get(`${deliveries}?limit=${limit}`, 400, ['limit', '1000']),
    ),
    ...['x', '', '%00', ended.toUpperCase()].map((job) =>
      get(`${deliveries}?job=${job}`, 400, ['job']),
    ),
  ];
};
