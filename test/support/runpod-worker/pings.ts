/**
 * The process that pings. It is a child of the worker, and like the package's it outlives a worker
 * that is killed, pinging with the last list that it was told.
 */
import { readConfig } from './config.ts';
import { openJournal } from './journal.ts';
import { keepPinging } from './keep-pinging.ts';

const config = readConfig(process.env);
let jobIds: readonly string[] = [];

process.on('message', (message) => {
  if (Array.isArray(message)) jobIds = message.filter((id) => typeof id === 'string');
});
// No test may leave a process behind for ever.
process.on('disconnect', () => setTimeout(() => process.exit(0), config.orphanMs));

// An interval below one second is divided down to none, which breaks the package's pings as well.
if (config.pingIntervalMs === 0) process.exit(1);
await keepPinging(config, openJournal(config), () => jobIds);
