/** Uploads with the s3Config that came with a job, to any S3-compatible storage. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import type { Job } from './handler.ts';

/** Why an upload failed, in a whole sentence that never holds the secret. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly status: number | undefined;
  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

type UploadOptions = {
  readonly contentType?: string;
  /** Ends the upload; the context's signal of the job fits. */
  readonly signal?: AbortSignal;
};

export type Uploads = {
  /**
   * Stores `body` under `key`. A storage that answers 5xx or hangs up is asked up to three times.
   * @returns the object's address (without a signature) and the storage's tag of its content.
   * @throws S3Error
   */
  readonly upload: (
    key: string,
    body: Uint8Array,
    options?: UploadOptions,
  ) => Promise<{ url: string; etag: string }>;
  /**
   * An address that lets anybody read `key` for `expiresSeconds` (at most a week).
   * @throws S3Error
   */
  readonly presign: (key: string, expiresSeconds: number) => Promise<string>;
};

const FIELDS = ['accessId', 'accessSecret', 'bucketName', 'endpointUrl'] as const;
const REGION = 'us-east-1';
const KEY_MAX_BYTES = 1_024;
const TRIES = 3;
const PAUSE_MS = 200;
const TRY_TIMEOUT_MS = 120_000;
const PRESIGN_MAX_SECONDS = 604_800;

type Bucket = {
  readonly client: AwsClient;
  readonly url: string;
  readonly hide: (text: string) => string;
};

/**
 * The storage that `job` brought along.
 * @throws S3Error when the job has no s3Config or a field of it is missing or no URL.
 */
export const s3 = (job: Pick<Job, 's3Config'>): Uploads => {
  const bucket = openBucket(job.s3Config);
  return {
    upload: (key, body, options = {}) => upload(bucket, key, body, options),
    presign: (key, expiresSeconds) => presign(bucket, key, expiresSeconds),
  };
};

const openBucket = (config: Job['s3Config']): Bucket => {
  if (config === undefined) throw new S3Error('The job has no s3Config.');
  const missing = FIELDS.filter((field) => (config[field] ?? '') === '');
  if (missing.length > 0) throw new S3Error(`The s3Config lacks ${missing.join(', ')}.`);
  const { accessId = '', accessSecret = '', bucketName = '', endpointUrl = '' } = config;
  const base = URL.canParse(endpointUrl) ? new URL(endpointUrl) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new S3Error('The endpointUrl of the s3Config is no http or https URL.');
  }
  const client = new AwsClient({
    accessKeyId: accessId,
    secretAccessKey: accessSecret,
    service: 's3',
    region: config.region || REGION,
  });
  const folder = base.pathname.replace(/\/+$/, '');
  return {
    client,
    url: `${base.origin}${folder}/${encodeURIComponent(bucketName)}`,
    hide: (text) => text.replaceAll(accessSecret, '***'),
  };
};

/** Path style, for storages that have no name per bucket. */
const urlOf = ({ url }: Bucket, key: string): string => {
  const parts = key.split('/');
  // A URL would swallow such parts, and the object would land elsewhere.
  const strange = parts.some((part) => part === '' || part === '.' || part === '..');
  if (strange || Buffer.byteLength(key) > KEY_MAX_BYTES || !key.isWellFormed()) {
    throw new S3Error(
      `The key ${JSON.stringify(key.slice(0, 80))} must have 1 to ${KEY_MAX_BYTES} bytes ` +
        'and no part that is empty, "." or "..".',
    );
  }
  return `${url}/${parts.map(encodeURIComponent).join('/')}`;
};

const upload = async (bucket: Bucket, key: string, body: Uint8Array, options: UploadOptions) => {
  const url = urlOf(bucket, key);
  const request = {
    method: 'PUT',
    body: Buffer.from(body),
    redirect: 'manual' as const,
    headers: {
      'content-type': options.contentType ?? 'application/octet-stream',
      // Signed, so that the storage refuses a body that was damaged on its way.
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    },
  };
  for (let tries = 1; ; tries += 1) {
    options.signal?.throwIfAborted();
    const outcome = await put(bucket, url, request, options.signal);
    if ('etag' in outcome) return { url, etag: outcome.etag };
    if (!outcome.again || tries === TRIES) throw outcome.error;
    await wait(PAUSE_MS * 2 ** tries * Math.random(), undefined, { signal: options.signal });
  }
};

type Outcome = { readonly etag: string } | { readonly again: boolean; readonly error: S3Error };

const put = async (
  bucket: Bucket,
  url: string,
  request: RequestInit & { body: Buffer<ArrayBuffer> },
  signal: AbortSignal | undefined,
): Promise<Outcome> => {
  const deadline = AbortSignal.timeout(TRY_TIMEOUT_MS);
  const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const signed = await bucket.client.sign(url, request);
  try {
    const response = await fetch(signed, { signal: ends });
    const text = await response.text();
    const { status } = response;
    if (response.ok) return { etag: (response.headers.get('etag') ?? '').replaceAll('"', '') };
    const sentence = `The storage refused the upload to ${url}: status ${status}${reasonIn(text)}.`;
    return { again: status >= 500, error: new S3Error(bucket.hide(sentence), status) };
  } catch (cause) {
    signal?.throwIfAborted();
    const sentence = `The storage at ${new URL(url).origin} did not answer: ${whyOf(cause)}.`;
    return { again: true, error: new S3Error(bucket.hide(sentence)) };
  }
};

/** What the storage says: its code and message alone, for its answer may quote the request. */
const reasonIn = (xml: string): string => {
  const part = (name: string) => new RegExp(`<${name}>([^<]{1,200})`).exec(xml)?.[1];
  const said = [part('Code'), part('Message')].filter((one) => one !== undefined);
  return said.length === 0 ? '' : `, ${said.join(': ').replace(/\.$/, '')}`;
};

const whyOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  const { cause } = thrown;
  return cause instanceof Error ? cause.message : thrown.message;
};

const presign = async (bucket: Bucket, key: string, expiresSeconds: number): Promise<string> => {
  if (!(expiresSeconds >= 1 && expiresSeconds <= PRESIGN_MAX_SECONDS)) {
    throw new S3Error(`A signed address holds for 1 to ${PRESIGN_MAX_SECONDS} s.`);
  }
  const url = new URL(urlOf(bucket, key));
  url.searchParams.set('X-Amz-Expires', String(Math.floor(expiresSeconds)));
  const signed = await bucket.client.sign(url, { method: 'GET', aws: { signQuery: true } });
  return signed.url;
};
