/** The HTTP part of a supervisor, as its keeper starts it. */
import { openKeeperLine } from '@switchyard/supervisor';
import { up } from './up.ts';

process.exit(await up({ services: ['supervisor'], demo: false, keeper: openKeeperLine() }));
