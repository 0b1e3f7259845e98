import type { Broker } from '../broker.ts';

/** What the suite needs of an adapter. */
export type ContractGround = {
  /** One more broker on the same ground, or the same one where there is one only. */
  open(): Promise<Broker>;
  /** Whether the broker knows repeats of an id, as the port says of `append`. */
  readonly knowsRepeats: boolean;
  /** Whether a stream keeps what was appended before a group began, as the port says of it. */
  readonly keepsForLateGroups: boolean;
  /** Somebody outside who waits for replies, in the vendor's own way. */
  openReplyBox(): Promise<ReplyBox>;
  /** Ends the ground; every broker of it is closed. */
  end(): Promise<void>;
};

export type ReplyBox = {
  /** What a sender writes into its message to be answered here. */
  readonly address: string;
  /** Whether the correlation of a sender comes back. */
  readonly correlates: boolean;
  /** Resolves with the first `count` replies. */
  whenCount(count: number): Promise<readonly HeardReply[]>;
};

export type HeardReply = { readonly body: string; readonly correlationId: string | undefined };
