import {
  describeProblem,
  type Endpoint,
  MOMENT_FORM,
  type ParsedMetadata,
  type Policy,
  PolicySchema,
  parseMetadata,
  refuse,
  S3_CONFIG_MAX_BYTES,
  type Span,
  type StartAfter,
  scanObject,
  startAfterMs,
  validator,
  WebhookSchema,
} from '@switchyard/contracts';
import { type JobPolicy, resolvePolicy } from '@switchyard/lifecycle';
import type { TargetGuard } from '@switchyard/runtime';

/** What a client asked for. Nothing of the body is kept beyond these. */
export type Submission = {
  /** The sender's own bytes, a slice of the body. */
  readonly input: Buffer;
  readonly webhook: string | null;
  readonly policy: JobPolicy;
  /** As it was sent: how far ahead it may lie is the database's clock to say. */
  readonly startAfter: StartAfter | undefined;
  /** JSON, not sealed yet. */
  readonly s3Config: Buffer | undefined;
};

const KNOWN_KEYS = ['input', 'webhook', 'policy', 's3Config'] as const;
const NAME_SHOWN_MAX_CHARACTERS = 80;
const VALUE_SHOWN_MAX_CHARACTERS = 80;

const checkPolicy = validator(PolicySchema, 'policy');
const checkWebhook = validator(WebhookSchema, 'webhook');

/**
 * Reads the body of a submission to `endpoint`, whose defaults fill in what the policy leaves out.
 * @throws Refusal that names the field, the bound and the value; of s3Config never a value.
 */
export const readSubmission = (
  body: Buffer,
  endpoint: Endpoint,
  targetGuard: TargetGuard,
): Submission => {
  const scanned = scanObject(body, KNOWN_KEYS);
  if (!scanned.ok) {
    const tooDeep = scanned.problem.kind === 'too_deep';
    const code = tooDeep ? 'request.too_deep' : 'request.body_invalid';
    throw refuse(code, describeProblem(scanned.problem));
  }
  const { spans } = scanned;
  const input = spans.get('input');
  if (input === undefined) {
    throw refuse('request.invalid', 'The body lacks "input", which is required.');
  }
  const read = (name: 'webhook' | 'policy' | 's3Config') => metadataIn(body, name, spans.get(name));
  const policy = policyIn(read('policy'));
  return {
    input: body.subarray(input.start, input.end),
    policy: resolvePolicy(policy, endpoint.defaults),
    startAfter: policy.startAfter,
    webhook: webhookIn(read('webhook'), targetGuard),
    s3Config: s3ConfigIn(read('s3Config')),
  };
};

/** Undefined stands for a key that is not there: no JSON is undefined. Null says the same. */
const metadataIn = (body: Buffer, name: string, span: Span | undefined): unknown => {
  if (span === undefined) return undefined;
  const parsed: ParsedMetadata = parseMetadata(body, span);
  if (!parsed.ok) throw refuse('request.invalid', `${name} ${parsed.reason}.`);
  return parsed.value ?? undefined;
};

const policyIn = (value: unknown): Policy => {
  if (value === undefined) return {};
  const checked = checkPolicy(value);
  if (!checked.ok) throw refuse('request.invalid', checked.detail);
  checkStartAfter(checked.value.startAfter);
  return checked.value;
};

const checkStartAfter = (startAfter: StartAfter | undefined): void => {
  if (startAfter === undefined || startAfterMs(startAfter) !== undefined) return;
  const shown = JSON.stringify(startAfter).slice(0, VALUE_SHOWN_MAX_CHARACTERS);
  throw refuse(
    'request.invalid',
    `policy.startAfter must be ${MOMENT_FORM}, or ms since 1970; got ${shown}.`,
  );
};

const webhookIn = (value: unknown, targetGuard: TargetGuard): string | null => {
  if (value === undefined) return null;
  const checked = checkWebhook(value);
  if (!checked.ok) throw refuse('request.invalid', checked.detail);
  const target = targetGuard.checkUrl(checked.value);
  if (!target.ok) throw refuse('request.webhook_refused', `webhook ${target.reason}.`);
  return checked.value;
};

const s3ConfigIn = (value: unknown): Buffer | undefined => {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('request.invalid', 's3Config must be an object of strings.');
  }
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'string') continue;
    const shown = JSON.stringify(name.slice(0, NAME_SHOWN_MAX_CHARACTERS));
    throw refuse('request.invalid', `The key ${shown} of s3Config must be a string.`);
  }
  const json = Buffer.from(JSON.stringify(value));
  if (json.length <= S3_CONFIG_MAX_BYTES) return json;
  throw refuse(
    'request.invalid',
    `s3Config must be at most ${S3_CONFIG_MAX_BYTES} bytes of JSON; got ${json.length} bytes.`,
  );
};
