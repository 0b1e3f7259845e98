import pg from 'pg';

/** The table that `noteListedClaims` makes. */
export const LISTED_CLAIMS = 'listed_claims';

/** An inventory may be stored while a claim is under way, which then does not see it. */
const AT_ONCE = `interval '1 second'`;

/**
 * Only the last two inventories of a worker are kept, so that nothing tells afterwards what a
 * worker listed when a job was claimed for it. The claim itself does, by a trigger.
 */
const NOTE = `
create table ${LISTED_CLAIMS} (job_id uuid, worker_id text, claim_no integer);
create function note_listed_claim() returns trigger language plpgsql as $$
begin
  insert into ${LISTED_CLAIMS} select new.job_id, new.worker_id, new.claim_no from workers
  where endpoint_id = new.endpoint_id and worker_id = new.worker_id
    and inventory_at < new.started_at - ${AT_ONCE} and new.job_id = any (inventory);
  return null;
end $$;
create trigger note_listed_claim after insert on leases for each row
when (new.claim_no > 1) execute function note_listed_claim();`;

/** Makes a database write down each claim for a worker whose last inventory lists the job. */
export const noteListedClaims = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(NOTE);
  } finally {
    await client.end();
  }
};
