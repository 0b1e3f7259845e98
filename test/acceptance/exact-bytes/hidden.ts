import { makeCanary } from '../support/canaries.ts';

/** A submission with canaries wherever nothing may be kept, and one where everything is. */
export type Hidden = {
  readonly body: string;
  /** Keys and values at the top level and in `policy` that Switchyard does not know. */
  readonly unknown: readonly string[];
  readonly s3Config: Readonly<Record<string, string>>;
  /** The values of s3Config. */
  readonly secrets: readonly string[];
  /** Stands in `input`: it must be found where inputs are, or the search finds nothing. */
  readonly control: string;
};

/** A new one; `webhook` is where the end of its job is told. */
export const makeHidden = (webhook: string): Hidden => {
  const canaries = Array.from({ length: 7 }, makeCanary);
  const [key, value, nestedKey, nestedValue, policyKey, policyValue, listed] = canaries;
  const secrets = Array.from({ length: 5 }, makeCanary);
  const [accessId = '', accessSecret = '', bucketName = '', host = '', region = ''] = secrets;
  const control = makeCanary();
  const s3Config = {
    accessId,
    accessSecret: `${accessSecret}"\\/\u00e9\u{1f600}`,
    bucketName,
    endpointUrl: `https://${host}.invalid:9000`,
    region,
  };
  const whole = {
    input: { control },
    webhook,
    s3Config,
    policy: { ttl: 3_600_000, [`${policyKey}`]: policyValue },
    [`${key}`]: value,
    extra: { [`${nestedKey}`]: [nestedValue, { again: listed }] },
  };
  return { body: JSON.stringify(whole), unknown: canaries, s3Config, secrets, control };
};

export type Wrong = { readonly name: string; readonly body: string; readonly status: number };

/** Bodies that are wrong in their s3Config or beside it: no answer may quote it. */
export const wrongBodies = ({ secrets, unknown }: Hidden): Wrong[] => {
  const [one, two] = secrets;
  const beside = `"${unknown[0]}":"${unknown[1]}"`;
  const good = `{"accessId":"${one}","accessSecret":"${two}"}`;
  const wrong = (name: string, s3Config: string, rest = '"input":1'): Wrong => ({
    name,
    body: `{${rest},"s3Config":${s3Config},${beside}}`,
    status: 400,
  });
  return [
    wrong('a list', `["${one}"]`),
    wrong('a text', `"${one}"`),
    wrong('a number inside', `{"accessId":"${one}","accessSecret":5}`),
    wrong('an object inside', `{"accessSecret":{"x":"${two}"}}`),
    wrong('U+0000 inside', `{"accessSecret":"${two}\\u0000"}`),
    wrong('half a surrogate pair inside', `{"accessSecret":"\\ud800${two}"}`),
    wrong('given twice', `${good},"s3Config":${good}`),
    wrong('too deep', `{"a":${'['.repeat(129)}"${one}"${']'.repeat(129)}}`),
    wrong('cut off', `{"accessSecret":"${two}`),
    wrong('a control character inside', `{"accessSecret":"${two}\n"}`),
    wrong('no input beside it', good, '"x":1'),
    wrong('a wrong policy beside it', good, '"input":1,"policy":{"ttl":1}'),
    wrong('a refused webhook beside it', good, '"input":1,"webhook":"ftp://127.0.0.1/"'),
  ];
};
