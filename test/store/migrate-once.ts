/** A process that migrates: it prints the steps that it applied, as JSON. */
import { migrate } from '@switchyard/store';

const [url] = process.argv.slice(2);
if (url === undefined) throw new TypeError('the URL is the argument');
process.stdout.write(JSON.stringify(await migrate(url)));
