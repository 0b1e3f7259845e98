import type { BrokerGround } from './broker-ground.ts';
import { judge } from './judge.ts';
import type { Patient } from './seed.ts';

/** Mistakes at the broker; each is mended as the remedy says, and must be found no more. */
export const seedBroker = async (patient: Patient, ground: BrokerGround): Promise<void> => {
  const { checks, examine, run } = patient;
  await ground.deleteDeadLetters();
  judge(checks, `${ground.name}: missing stream`, await examine(), ['broker.missing']);
  judge(checks, `${ground.name}: the look makes none`, await examine(), ['broker.missing']);
  await run(['migrate']);
  judge(checks, `${ground.name}: after migrate`, await examine(), []);

  await ground.deleteDeadLetters();
  await ground.makeWrongDeadLetters();
  judge(checks, `${ground.name}: wrong queue type`, await examine(), ['broker.wrong']);
  await ground.deleteDeadLetters();
  await run(['migrate']);

  if (ground.urlOfStranger !== undefined) {
    const stranger = await examine({ BROKER_URL: ground.urlOfStranger });
    judge(checks, `${ground.name}: credentials refused`, stranger, ['broker.forbidden']);
  }
  await ground.stop();
  const away = await examine();
  judge(checks, `${ground.name}: away`, away, ['broker.unavailable']);
  await ground.start();
};
