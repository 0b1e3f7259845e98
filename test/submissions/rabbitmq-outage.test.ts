import { after } from 'node:test';
import { startRabbit } from '../support/rabbitmq.ts';
import { outageSuite } from './outage-suite.ts';

const rabbit = await startRabbit();
after(() => rabbit.close());

outageSuite(() => rabbit.url);
