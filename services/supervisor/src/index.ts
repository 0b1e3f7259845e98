export { createSupervisor, type Processes, type SupervisorContext } from './main.ts';
export { createProcesses } from './processes/keep-workers.ts';
export { createLocalHost } from './processes/local-host.ts';
