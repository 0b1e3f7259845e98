import type { Publication } from '../../support/producer.ts';
import { inputOf } from '../load/posting-plan.ts';

/** One submission of the backlog; `poison` is what the reason of its dead letter must say. */
export type Planned = Publication & {
  readonly n: number;
  readonly id: string;
  readonly poison: RegExp | undefined;
  /** Published a second time, after the broker has forgotten its id. */
  readonly isTwice: boolean;
};

type Poison = readonly [endpoint: string, body: string, reason: RegExp];

const kindsFor = (endpoint: string): readonly Poison[] => [
  [endpoint, '{"input":', /^request\.body_invalid: .*not JSON/],
  [endpoint, '', /^request\.body_invalid: .*empty/],
  [endpoint, '["input"]', /^request\.body_invalid: .*object/],
  [endpoint, '{"s3Config":{"accessSecret":"canary"}}', /^request\.invalid: .*lacks "input"/],
  [endpoint, '{"input":1,"input":2}', /^request\.body_invalid: .*twice/],
  [endpoint, '{"input":1,"policy":{"ttl":9999}}', /^request\.invalid: policy\.ttl .*>= 10000/],
  [endpoint, '{"input":1,"webhook":"http://10.0.0.1/"}', /^request\.webhook_refused: /],
  [endpoint, `{"input":${'['.repeat(129)}${']'.repeat(129)}}`, /^request\.too_deep: /],
  ['never-made', '{"input":1}', /^endpoint\.not_found: /],
  ['No_Endpoint', '{"input":1}', /^endpoint\.not_found: /],
];

const TWICE_EVERY = 10;
const POISON_EVERY = 100;
/** Where the poison stands in every other hundred, so that half of it comes twice too. */
const POISON_AT = [50, 55];

/** `count` submissions to `endpoint`, one in a hundred poison, every tenth to come twice. */
export const planBacklog = (endpoint: string, count: number): Planned[] => {
  const kinds = kindsFor(endpoint);
  return Array.from({ length: count }, (_, n) => {
    const hundred = Math.floor(n / POISON_EVERY);
    const isPoison = n % POISON_EVERY === POISON_AT[hundred % POISON_AT.length];
    const kind = isPoison ? kinds[hundred % kinds.length] : undefined;
    const [to, body, poison] = kind ?? [endpoint, `{"input":${inputOf(n)}}`, undefined];
    const isTwice = n % TWICE_EVERY === 0;
    return { n, id: `backlog-${n}`, endpoint: to, body, poison, isTwice };
  });
};
