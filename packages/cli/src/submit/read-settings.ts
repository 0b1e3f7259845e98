import {
  PolicySchema,
  type S3Config,
  S3ConfigSchema,
  type StartAfter,
  validator,
  WebhookSchema,
} from '@switchyard/contracts';
import type { Submission } from '@switchyard/sdk';
import { UsageError } from '../failures.ts';
import { readNamed } from './read-inputs.ts';

export type SettingOptions = {
  readonly ttl?: number;
  readonly executionTimeout?: number;
  readonly lowPriority?: boolean;
  readonly startAfter?: StartAfter;
  readonly webhook?: string;
  readonly s3ConfigFile?: string;
};

const checkPolicy = validator(PolicySchema, 'policy');
const checkWebhook = validator(WebhookSchema, 'webhook');
const checkS3Config = validator(S3ConfigSchema);

/** What all jobs of a submission have in common. @throws UsageError with every problem. */
export const readSettings = async (
  options: SettingOptions,
): Promise<Pick<Submission, 'webhook' | 'policy' | 's3Config'>> => {
  const { ttl, executionTimeout, lowPriority, startAfter, webhook, s3ConfigFile } = options;
  const asked = { ttl, executionTimeout, lowPriority, startAfter };
  const policy = checkPolicy(
    Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
  );
  const problems = policy.ok ? [] : [policy.detail];
  if (webhook !== undefined) {
    const checked = checkWebhook(webhook);
    if (!checked.ok) problems.push(checked.detail);
  }
  const s3Config = s3ConfigFile === undefined ? undefined : await readS3Config(s3ConfigFile);
  if (typeof s3Config === 'string') problems.push(s3Config);
  if (problems.length > 0 || !policy.ok || typeof s3Config === 'string') {
    throw new UsageError(problems);
  }
  return {
    ...(Object.keys(policy.value).length > 0 && { policy: policy.value }),
    ...(webhook !== undefined && { webhook }),
    ...(s3Config && { s3Config }),
  };
};

/** The s3Config in `file`, or a sentence that shows none of its values. */
const readS3Config = async (file: string): Promise<S3Config | string> => {
  const sentence =
    `${file} must hold a JSON object of texts, such as accessId, accessSecret, bucketName and ` +
    'endpointUrl.';
  try {
    const checked = checkS3Config(JSON.parse(String(await readNamed(file))));
    return checked.ok ? checked.value : sentence;
  } catch (error) {
    return error instanceof UsageError ? error.message : sentence;
  }
};
