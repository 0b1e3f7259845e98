import { after } from 'node:test';
import { startIntake } from '../intake/start-intake.ts';
import { startNats } from '../support/nats.ts';
import { openProducer } from '../support/open-producer.ts';
import { submissionSuite } from './broker-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const nats = started.use(await startNats());
const intake = started.use(await startIntake({ brokerUrl: nats.url }));
const producer = started.use(await openProducer(nats.url));

submissionSuite(() => ({ intake, producer }));
