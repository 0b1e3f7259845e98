import { type Ask, readTell, type Tell } from './keeper-messages.ts';

/** The child's end of the channel. */
export type KeeperLine = {
  ask(message: Ask): void;
  /** `socket` comes with a `socket` message, unless the client hung up meanwhile. */
  hear(listener: (tell: Tell, socket: unknown) => void): () => void;
};

/**
 * The line to the keeper that started this process. When the keeper dies, this process ends at
 * once: another keeper is started on the same port, with a child of its own.
 * @throws Error when no keeper started this process.
 */
export const openKeeperLine = (): KeeperLine => {
  if (process.send === undefined) throw new Error('This process was not started by a keeper.');
  process.once('disconnect', () => process.exit(0));
  return {
    ask: (message) => {
      process.send?.(message, undefined, {}, () => undefined);
    },
    hear: (listener) => {
      const onMessage = (message: unknown, socket: unknown): void => {
        const tell = readTell(message);
        if (tell !== undefined) listener(tell, socket);
      };
      process.on('message', onMessage);
      return () => process.off('message', onMessage);
    },
  };
};
