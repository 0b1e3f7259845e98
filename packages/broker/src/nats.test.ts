import { connect, createInbox } from 'nats';
import { brokerContract } from './broker.contract.ts';
import { REPLY_HEADERS } from './broker.ts';
import type { HeardReply, ReplyBox } from './contract/ground.ts';
import { Mailbox, silentLog } from './contract/mailbox.ts';
import { startNatsServer } from './nats/nats-server.fixture.ts';
import { openNatsBroker } from './nats/open-nats-broker.ts';

/** A subscription of the vendor's client, as somebody outside has one. */
const openReplyBox = async (url: string): Promise<ReplyBox> => {
  const nats = await connect({ servers: url });
  const box = new Mailbox<HeardReply>();
  const address = createInbox();
  nats.subscribe(address, {
    callback: (_error, msg) => {
      const correlationId = msg.headers?.get(REPLY_HEADERS.correlationId) || undefined;
      box.put({ body: msg.string(), correlationId });
    },
  });
  await nats.flush();
  return {
    address,
    correlates: true,
    whenCount: async (count) => {
      const heard = await box.whenCount(count);
      await nats.close();
      return heard;
    },
  };
};

brokerContract('NATS', async (streams) => {
  const server = await startNatsServer();
  return {
    knowsRepeats: true,
    keepsForLateGroups: true,
    openReplyBox: () => openReplyBox(server.url),
    open: () => openNatsBroker(server.url, { name: 'contract', log: silentLog, streams }),
    end: () => server.end(),
  };
});
