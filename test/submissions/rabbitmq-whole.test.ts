import { startRabbit } from '../support/rabbitmq.ts';
import { wholeSuite } from './whole-suite.ts';

wholeSuite('RabbitMQ', () => startRabbit());
