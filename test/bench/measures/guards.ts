import type { Contender } from '../contender.ts';
import { openSwitchyard, SWITCHYARD } from '../contenders/switchyard.ts';
import type { Measure } from '../measure.ts';
import { queryOnce } from '../query-once.ts';
import { readEndToEnd } from './end-to-end.ts';

/**
 * Every CHECK of the tables. The keys, which are guards as well (a job is in a place once, an event
 * has its number once), stay: each statement finds its rows by them.
 */
const DROP_CHECKS = `do $$
  declare one record;
  begin
    for one in
      select conrelid::regclass as owner, conname from pg_constraint
        where contype = 'c' and conrelid <> 0 and connamespace = 'public'::regnamespace
    loop
      execute format('alter table %s drop constraint %I', one.owner, one.conname);
    end loop;
  end $$`;

const UNGUARDED: Contender = {
  name: 'without guards',
  isOnPostgres: true,
  open: async (servers) => {
    const arena = await openSwitchyard(servers);
    await queryOnce(arena.databaseUrl, DROP_CHECKS);
    return arena;
  },
};

export const GUARDS: Measure = {
  name: 'guards',
  about: 'end to end with the guards of the database, and with its CHECKs dropped',
  run: (bench) =>
    bench.compare(
      'guards',
      [{ ...SWITCHYARD, name: 'with guards' }, UNGUARDED].map((one) => ({
        name: one.name,
        read: () => readEndToEnd(bench, one),
      })),
    ),
};
