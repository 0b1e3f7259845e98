import { after } from 'node:test';
import { takeBroker } from '../support/brokers.ts';
import { outageSuite } from './outage-suite.ts';

const rabbit = await takeBroker('rabbitmq', 'submissions-outage');
after(() => rabbit.close());

outageSuite(() => rabbit.url);
