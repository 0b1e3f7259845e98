/** Acknowledges every webhook and counts the jobs, so that a repeated one counts once. */
import http from 'node:http';
import { countFor, openParent, readPlan } from './parent.ts';

export type WebhookPlan = { readonly port: number };

const { port } = readPlan<WebhookPlan>();
const parent = openParent();
const count = countFor(parent);
const seen = new Set<string>();
http
  .createServer((request, response) => {
    const id = String(request.headers['webhook-id']);
    if (!seen.has(id)) count();
    seen.add(id);
    request.resume();
    request.once('end', () => response.end());
  })
  .listen(port, '127.0.0.1', () => parent.say({ kind: 'ready' }));
