import { first } from './0001-first.ts';
import { wholeLifecycle } from './0002-whole-lifecycle.ts';
import { operations } from './0003-operations.ts';
import { deliveriesInPlace } from './0004-deliveries-in-place.ts';
import { deliveriesTellAll } from './0005-deliveries-tell-all.ts';
import { postedChunks } from './0006-posted-chunks.ts';
import { deletedEndpoints } from './0007-deleted-endpoints.ts';

/** Every step of the schema, oldest first. A step that was released is never edited. */
export const MIGRATIONS: readonly { readonly name: string; readonly sql: string }[] = [
  { name: '0001-first', sql: first },
  { name: '0002-whole-lifecycle', sql: wholeLifecycle },
  { name: '0003-operations', sql: operations },
  { name: '0004-deliveries-in-place', sql: deliveriesInPlace },
  { name: '0005-deliveries-tell-all', sql: deliveriesTellAll },
  { name: '0006-posted-chunks', sql: postedChunks },
  { name: '0007-deleted-endpoints', sql: deletedEndpoints },
];
