/**
 * Joins the row of `table` that belongs to the job `jobId`, by its key, one look-up a job. A plain
 * join leaves the plan to what Postgres believes of the sizes: one that was made while the tables
 * were empty reads all jobs of the endpoint again for each of the batch, until statistics are
 * gathered. LIMIT keeps it from being flattened into such a join.
 */
export const lookUp = (
  table: 'jobs' | 'queue' | 'delayed' | 'leases' | 'results' | 'workers',
  jobId: string,
  kind: 'cross' | 'left' = 'cross',
): string => `${kind} join lateral (
  select * from ${table} where ${table}.endpoint_id = $1 and ${table}.job_id = ${jobId} limit 1
) as ${table}${kind === 'left' ? ' on true' : ''}`;
