/**
 * A try that begins changes no column of an index: that it is under way stands beside `due_at`, not
 * in it. With room on its page a row then stays where its index entries point.
 */
export const deliveriesInPlace = `
alter table deliveries add column lost_at timestamptz;
alter table deliveries set (fillfactor = 50);
alter table delivery_tries set (fillfactor = 50);
`;
