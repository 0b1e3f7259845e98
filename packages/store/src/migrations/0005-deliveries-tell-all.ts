/**
 * The rest of a result that a retry drops and a delivery has yet to tell: its place and its
 * attempts. Null where such a delivery is of before this step.
 */
export const deliveriesTellAll = `
alter table deliveries add column rank smallint;
alter table deliveries add column attempts smallint;
alter table deliveries add column escalated_at timestamptz;
`;
