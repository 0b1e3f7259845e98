/**
 * Endpoints that are gone and whose history is still there: it may be millions of rows, which no
 * one transaction should delete. No endpoint of such a name is made until all of it is gone.
 */
export const deletedEndpoints = `
create table deleted_endpoints (
  endpoint_id text collate "C" primary key,
  deleted_at timestamptz not null default statement_timestamp()
);
`;
