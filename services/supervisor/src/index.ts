export { startKeeper } from './keeper/keeper.ts';
export { type KeeperLine, openKeeperLine } from './keeper/keeper-line.ts';
export { receiveSockets } from './keeper/receive-sockets.ts';
export { openRemoteHost } from './keeper/remote-host.ts';
export { createSupervisor } from './main.ts';
export { createProcesses } from './processes/keep-workers.ts';
export { createLocalHost } from './processes/local-host.ts';
export type { WorkerHost } from './processes/worker-host.ts';
