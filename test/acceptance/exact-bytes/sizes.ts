import type { Call } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import type { RawWorker } from '../support/raw-worker.ts';
import { endOf } from '../support/setup-calls.ts';
import { faultIn } from '../support/value-bytes.ts';
import { nestedArrays, nestedObjects } from './inputs.ts';

export type SizesContext = {
  readonly checks: Checks;
  readonly call: Call;
  readonly worker: RawWorker;
  readonly endpoint: string;
};

const MAX_BYTES = { run: 10_485_760, 'runsync?wait=1000': 20_971_520 } as const;
const ENVELOPE_BYTES = '{"input":""}'.length;
const ACCEPTED = 200;
const TOO_LARGE = 413;
const INVALID = 400;

const ofBytes = (bytes: number): Buffer =>
  Buffer.concat([
    Buffer.from('{"input":"'),
    Buffer.alloc(bytes - ENVELOPE_BYTES, 'x'),
    Buffer.from('"}'),
  ]);

/** The largest bodies are taken and come back whole; one byte more is 413, however it is sent. */
export const checkSizes = async ({ checks, call, worker, endpoint }: SizesContext) => {
  for (const [route, maxBytes] of Object.entries(MAX_BYTES)) {
    const line = `POST /v2/${endpoint}/${route}`;
    for (const chunked of [false, true]) {
      const how = chunked ? 'without Content-Length' : 'with Content-Length';
      const fits = await call(line, { body: ofBytes(maxBytes), chunked });
      checks.check(
        fits.status === ACCEPTED,
        `/${route} of ${maxBytes} bytes ${how}`,
        fits.status,
        ACCEPTED,
      );
      const over = await call(line, { body: ofBytes(maxBytes + 1), chunked });
      const told = `${over.status} ${over.json.code}`;
      checks.check(
        over.status === TOO_LARGE && over.json.code === 'request.too_large',
        `/${route} of ${maxBytes + 1} bytes ${how}`,
        told,
        TOO_LARGE,
      );
      if (fits.status !== ACCEPTED) continue;
      const job = String(fits.json.id);
      const input = ofBytes(maxBytes).subarray('{"input":'.length, -1);
      const fault = faultIn(await worker.take(), 'input', input);
      checks.check(fault === undefined, `the worker has its bytes`, fault ?? 'equal', 'equal');
      const posted = await worker.done(
        job,
        Buffer.concat([Buffer.from('{"output":'), input, Buffer.from('}')]),
      );
      const { bytes } = await endOf(call, endpoint, job);
      const back = faultIn(bytes, 'output', input);
      checks.check(
        back === undefined && posted.status === ACCEPTED,
        `/status has them back`,
        back ?? `equal, ${posted.status}`,
        'equal',
      );
    }
  }
};

type Refused = { readonly name: string; readonly body: string; readonly says: RegExp };

const NO_INPUT = /input/;
const LEVELS = /128 levels/;

const REFUSED: readonly Refused[] = [
  { name: 'an empty object', body: '{}', says: NO_INPUT },
  { name: 'other known keys alone', body: '{"policy":{},"s3Config":{}}', says: NO_INPUT },
  { name: 'the key in other letters', body: '{"Input":1}', says: NO_INPUT },
  { name: 'the key further in', body: '{"policy":{"input":1}}', says: NO_INPUT },
  { name: 'an array', body: '[{"input":1}]', says: /must be a JSON object/ },
  { name: 'a string', body: '"input"', says: /must be a JSON object/ },
  { name: 'no body', body: '', says: /empty/ },
  { name: '129 levels of arrays', body: `{"input":${nestedArrays(129)}}`, says: LEVELS },
  { name: '129 levels of objects', body: `{"input":${nestedObjects(129)}}`, says: LEVELS },
  { name: '129 levels elsewhere', body: `{"input":1,"x":${nestedArrays(129)}}`, says: LEVELS },
  {
    name: '500,000 levels',
    body: `{"input":${nestedArrays(500_000)}}`,
    says: LEVELS,
  },
  { name: 'rubbish after the object', body: '{"input":1}}', says: /not JSON/ },
  { name: 'a number of no grammar', body: '{"input":01}', says: /not JSON/ },
  { name: 'a raw control character', body: '{"input":"\u0001"}', says: /not JSON/ },
];

/** Bodies that are no submission are 400 with a sentence that says why. */
export const checkRefusals = async ({ checks, call, endpoint }: SizesContext): Promise<void> => {
  for (const { name, body, says } of REFUSED) {
    const cells = await Promise.all(
      ['run', 'runsync'].map(async (route) => {
        const answer = await call(`POST /v2/${endpoint}/${route}`, { body });
        const told = `${answer.status} ${answer.json.error}`;
        const good = answer.status === INVALID && says.test(String(answer.json.error));
        return { name: `/${route}`, fault: good ? undefined : told };
      }),
    );
    checks.table(`${name}: ${INVALID} that says ${says.source}`, cells);
  }
};
