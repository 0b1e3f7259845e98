/**
 * What operators look for: the few jobs that did not complete, without an entry for each of the
 * many that did; and a known text, sealed, that tells whether a master key is the one in use.
 */
export const operations = `
create index results_not_completed on results (endpoint_id, status, job_id)
  where status <> 'COMPLETED';

create table seal_check (
  only_row boolean primary key default true check (only_row),
  sealed bytea not null
);
`;
