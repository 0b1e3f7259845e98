export { createScheduler, type SchedulerContext } from './main.ts';
