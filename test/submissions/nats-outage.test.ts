import { after } from 'node:test';
import { startNats } from '../support/nats.ts';
import { outageSuite } from './outage-suite.ts';

const nats = await startNats();
after(() => nats.close());

outageSuite(() => nats.url);
