/**
 * Everything that a broker can refuse, whichever it is, and whether the same call may work later.
 * Retryable codes come from the world (a server is away); the others from the call or the set-up.
 */
const BROKER_ERRORS = {
  'broker.unavailable': { retry: true },
  'broker.no_answer': { retry: true },
  'broker.too_large': { retry: false },
  'broker.invalid': { retry: false },
  'broker.no_stream': { retry: false },
  'broker.conflict': { retry: false },
  'broker.forbidden': { retry: false },
  'broker.unsupported': { retry: false },
} as const satisfies Record<string, { retry: boolean }>;

export type BrokerErrorCode = keyof typeof BROKER_ERRORS;

/** A refusal by the broker. Its message is a whole sentence and never holds credentials. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same call may work later. */
  get retry(): boolean {
    return BROKER_ERRORS[this.code].retry;
  }
}
