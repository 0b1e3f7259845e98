import { after } from 'node:test';
import { startIntake } from '../intake/start-intake.ts';
import { openProducer } from '../support/open-producer.ts';
import { startRabbit } from '../support/rabbitmq.ts';
import { submissionSuite } from './broker-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const rabbit = started.use(await startRabbit());
const intake = started.use(await startIntake({ brokerUrl: rabbit.url }));
const producer = started.use(await openProducer(rabbit.url));

submissionSuite(() => ({ intake, producer }));
