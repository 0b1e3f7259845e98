/**
 * Loaded ahead of an acceptance program: by itself a signal would end it past its exit hooks, which
 * take the services that it started along.
 */
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
