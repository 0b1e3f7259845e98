import type { AuditEntry } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'list_audit',
  text: `select audit_id, occurred_at, key_id, action, target from audit
where ($1::bigint is null or audit_id < $1)
  and ($3::text[] is null or key_id = $4 or action like 'endpoint.%' and target = any ($3))
order by audit_id desc limit $2`,
});

type Row = {
  audit_id: number;
  occurred_at: Date;
  key_id: string;
  action: string;
  target: string;
};

export type AuditPageAsked = {
  readonly before: number | null;
  readonly limit: number;
  /** Null: everything; else what was done to these endpoints, and by this key. */
  readonly limitedTo: { readonly endpoints: readonly string[]; readonly keyId: string } | null;
};

/** A page of who did what, newest first. */
export const listAudit = async (store: Store, page: AuditPageAsked): Promise<AuditEntry[]> => {
  const { before, limit, limitedTo } = page;
  const values = [before, limit, limitedTo?.endpoints ?? null, limitedTo?.keyId ?? null];
  return (await store.run<Row>(STATEMENT, values)).map((row) => ({
    id: row.audit_id,
    at: row.occurred_at.toISOString(),
    key: row.key_id,
    action: row.action,
    target: row.target,
  }));
};
