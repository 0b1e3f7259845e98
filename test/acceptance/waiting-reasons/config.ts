/** A worker that says why and ends, again and again; one that never asks for a job. */
const CRASHING = `console.error('there is no GPU here'); process.exit(3)`;
const SILENT = 'setInterval(() => undefined, 1000)';

const template = (script: string): string =>
  `{ command: [node, -e, ${JSON.stringify(script)}], killAfterMs: 500 }`;

export const CONFIG = `
endpoints:
  before-start: {}
  paused: {}
  limited: { limits: { maxConcurrent: 1 } }
  crashing: { worker: { template: crashing, minimum: 2 } }
  starting: { worker: { template: silent, minimum: 1 } }
  unhealthy: {}
  no-worker: {}
  low-alone: {}
  busy: {}
  next: {}
  brief: { retentionMs: 2000 }
workerTemplates:
  crashing: ${template(CRASHING)}
  silent: ${template(SILENT)}
`;
