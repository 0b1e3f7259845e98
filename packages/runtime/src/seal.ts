import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/**
 * Secrets at rest: AES-256-GCM under a master key.
 *
 *     version (1 byte) | key id (4) | nonce (12) | ciphertext | tag (16)
 *
 * The key id is the start of the key's SHA-256. Version, key id and context are authenticated, so
 * that a sealed value that is moved to another row no longer opens. Random nonces bound a key to
 * 2^32 sealings (NIST SP 800-38D, 8.3); rotate before.
 */
const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCE_AT = 1 + KEY_ID_BYTES;
const TEXT_AT = NONCE_AT + NONCE_BYTES;
const CIPHER = 'aes-256-gcm';

/** How many bytes a sealed value is longer than the plain one. */
export const SEAL_OVERHEAD_BYTES = TEXT_AT + TAG_BYTES;

export const SEAL_FAILURES = ['malformed', 'unknown_key', 'tampered'] as const;
export type SealFailure = (typeof SEAL_FAILURES)[number];

/** A sealed value does not open. Neither message nor fields hold any of it. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly failure: SealFailure;
  constructor(failure: SealFailure) {
    super(SENTENCES[failure]);
    this.failure = failure;
  }
}

const SENTENCES: Readonly<Record<SealFailure, string>> = {
  malformed: 'The sealed value is not of a known form.',
  unknown_key: 'The sealed value needs a master key that is not among those configured.',
  tampered: 'The sealed value was changed, or belongs elsewhere.',
};

export type Sealer = {
  /** Seals `plain` for one place only: `context` names it, such as `echo|<job>|s3Config`. */
  readonly seal: (plain: Buffer, context: string) => Buffer;
  /** What was sealed in this `context`. @throws SealError */
  readonly open: (sealed: Buffer, context: string) => Buffer;
};

/**
 * A sealer for master keys of 32 bytes each: the first seals, all open.
 * @throws TypeError for a list that is empty or holds a key of another length.
 */
export const createSealer = (keys: readonly Buffer[]): Sealer => {
  if (keys.some((key) => key.length !== KEY_BYTES)) {
    throw new TypeError(`Every master key must have ${KEY_BYTES} bytes.`);
  }
  const ring = keys.map((key) => ({
    key,
    head: Buffer.concat([
      Buffer.of(VERSION),
      createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES),
    ]),
  }));
  const [first] = ring;
  if (first === undefined) throw new TypeError('A sealer needs a master key.');
  return {
    seal: (plain, context) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, first.key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(first.head, context));
      const text = cipher.update(plain);
      return Buffer.concat([first.head, nonce, text, cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed, context) => {
      if (sealed.length < SEAL_OVERHEAD_BYTES || sealed[0] !== VERSION) {
        throw new SealError('malformed');
      }
      // Four bytes tell keys apart by luck only, so every key with this id is tried.
      const likely = ring.filter(({ head }) => sealed.subarray(0, NONCE_AT).equals(head));
      if (likely.length === 0) throw new SealError('unknown_key');
      for (const { key, head } of likely) {
        const plain = openWith(key, boundTo(head, context), sealed);
        if (plain !== undefined) return plain;
      }
      throw new SealError('tampered');
    },
  };
};

const boundTo = (head: Buffer, context: string): Buffer =>
  Buffer.concat([head, Buffer.from(context, 'utf8')]);

const openWith = (key: Buffer, bound: Buffer, sealed: Buffer): Buffer | undefined => {
  const nonce = sealed.subarray(NONCE_AT, TEXT_AT);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(TEXT_AT, -TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return undefined;
  }
};
