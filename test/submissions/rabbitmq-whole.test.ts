import { takeBroker } from '../support/brokers.ts';
import { wholeSuite } from './whole-suite.ts';

wholeSuite('RabbitMQ', (part) => takeBroker('rabbitmq', part));
