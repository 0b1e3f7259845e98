import { startNats, type TestNats } from '../../support/nats.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type Switchyard, startSwitchyard } from '../../support/start-switchyard.ts';

/** Switchyard's services, each a process of its own, on a real Postgres and a real NATS. */
export type OpenSystem = AsyncDisposable & {
  readonly switchyard: Switchyard;
  readonly postgres: TestPostgres;
  readonly nats: TestNats;
  /** Every table as text, as pg_dump prints it. */
  readonly dump: () => Promise<string>;
};

/** Starts it on free ports of loopback; `config` is the text of its switchyard.yaml. */
export const openSystem = async (
  config: string,
  env: Readonly<Record<string, string>> = {},
): Promise<OpenSystem> => {
  await using started = new AsyncDisposableStack();
  const postgres = started.use(await startPostgres({ fsync: false }));
  const nats = started.use(await startNats());
  const databaseUrl = await postgres.createDatabase('switchyard');
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl: nats.url, config, env }),
  );
  const parts = started.move();
  return {
    switchyard,
    postgres,
    nats,
    dump: () => postgres.dump(databaseUrl),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
