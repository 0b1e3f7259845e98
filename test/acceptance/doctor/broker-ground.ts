import { streams } from '@switchyard/contracts';
import { connect, StorageType } from 'nats';
import { startNats } from '../../support/nats.ts';

/** A broker, and what an operator who errs may do to it. */
export type BrokerGround = AsyncDisposable & {
  readonly name: string;
  readonly url: string;
  /** With credentials that it refuses; undefined where it asks for none. */
  readonly urlOfStranger: string | undefined;
  deleteDeadLetters(): Promise<void>;
  /** Makes them as they must not be: not kept on disk, or not replicated. */
  makeWrongDeadLetters(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
};

const { name, topics } = streams.deadLetters;

/** A nats-server. */
export const openNatsGround = async (): Promise<BrokerGround> => {
  const nats = await startNats();
  const withStreams = async (work: (of: Streams) => Promise<unknown>): Promise<void> => {
    const connection = await connect({ servers: nats.url });
    const { streams: found } = await connection.jetstreamManager();
    await work(found).finally(() => connection.close());
  };
  return {
    name: 'NATS',
    url: nats.url,
    urlOfStranger: undefined,
    deleteDeadLetters: () => withStreams((found) => found.delete(name)),
    makeWrongDeadLetters: () =>
      withStreams((found) =>
        found.add({ name, subjects: [...topics], storage: StorageType.Memory }),
      ),
    stop: () => nats.stop(),
    start: () => nats.start(),
    [Symbol.asyncDispose]: () => nats.close(),
  };
};

type Streams = Awaited<
  ReturnType<Awaited<ReturnType<typeof connect>>['jetstreamManager']>
>['streams'];
