export { createSupervisor, type Processes, type SupervisorContext } from './main.ts';
