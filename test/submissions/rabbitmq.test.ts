import { after } from 'node:test';
import { startIntake } from '../intake/start-intake.ts';
import { takeBroker } from '../support/brokers.ts';
import { openProducer } from '../support/open-producer.ts';
import { submissionSuite } from './broker-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const rabbit = started.use(await takeBroker('rabbitmq', 'submissions'));
const intake = started.use(await startIntake({ brokerUrl: rabbit.url }));
const producer = started.use(await openProducer(rabbit.url));

submissionSuite(() => ({ intake, producer }));
