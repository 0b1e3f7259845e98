import { startNats } from '../support/nats.ts';
import { wholeSuite } from './whole-suite.ts';

wholeSuite('NATS', () => startNats());
