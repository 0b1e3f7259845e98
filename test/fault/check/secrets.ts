import { countFound } from '../../acceptance/support/canaries.ts';
import { type Breach, type Given, tell } from './breach.ts';

/** Every form of each is looked for only in so many of them; all are, as they are. */
const EVERY_FORM_MAX = 50;

/** What stands in an s3Config stands nowhere else, and workers alone have seen it. */
export const checkSecrets = ({ history, dump, logs }: Given): Breach[] => {
  const secrets = [...new Set(history.operations.flatMap((one) => one.secrets ?? []))];
  // Words such as a bucket's name may stand anywhere.
  const canaries = secrets.filter((secret) => secret.startsWith('canary'));
  const places: Readonly<Record<string, string>> = {
    'the logs': logs,
    'the tables': dump,
    'the webhooks': history.posts.map(({ body, signature }) => body + signature).join('\n'),
    'the events': history.events.map((event) => JSON.stringify(event)).join('\n'),
  };
  const found = Object.entries(places).flatMap(([place, text]) => {
    const plain = new Set(text.match(/canary[0-9a-f]{24}/g) ?? []);
    const shown = canaries.filter((canary) => plain.has(canary));
    const hidden = countFound([text], canaries.slice(0, EVERY_FORM_MAX));
    return shown.length + hidden === 0 ? [] : [`${place}: ${shown.length + hidden}`];
  });
  return tell('an s3Config stands nowhere but where it is sealed', found, (what) => what);
};
