export { createScheduler } from './main.ts';
