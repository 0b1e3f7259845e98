/** A hundred workers of our library in one process, one an endpoint, that wait for jobs. */
import { start } from '@switchyard/worker';

const [gatewayUrl = '', count = '0'] = process.argv.slice(2);
// Not an argument, which everybody on the machine may read.
const { TOKEN: token = '' } = process.env;
for (let n = 0; n < Number(count); n += 1) {
  const endpoint = `idle-${n}`;
  const silent = (): void => undefined;
  start({
    gatewayUrl,
    endpoint,
    token,
    workerId: `idle-worker-${n}`,
    concurrency: 4,
    signals: false,
    log: { info: silent, warn: console.error, error: console.error },
    handler: () => 'done',
  });
}
