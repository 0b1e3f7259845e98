/** Defects of the services: what is told too early, twice, or not at all. */
import { inStatement, type Mutant } from './mutant.ts';

const LATER_MS = 800;
/** Longer than a busy machine takes from a burst of messages to the kill. */
const MUCH_LATER_MS = 5_000;

const PUBLISH = 'const { confirmed, failure } = await publish(events);';

export const OF_SERVICES: readonly Mutant[] = [
  {
    name: 'a message is acked before its commit',
    scenes: ['crash'],
    patches: [
      {
        file: 'services/intake/src/consumers/submissions.ts',
        find: 'const settlement = settlementOf(await takeOrHold(context, message, stop), attempt);',
        put: `const settlement: Settlement = { kind: 'done' };
    setTimeout(() => void takeOrHold(context, message, stop), ${MUCH_LATER_MS});`,
      },
    ],
  },
  {
    name: 'a client is told before the commit',
    scenes: ['breakages'],
    patches: [
      {
        file: 'services/intake/src/accept-jobs.ts',
        find: 'answerFor(await batchers[source].add(endpointId, job), source, job),',
        put: `{
        const later = () => batchers[source].add(endpointId, job).catch(() => undefined);
        setTimeout(() => void later(), ${LATER_MS});
        return { kind: 'stored', jobId: job.jobId };
      },`,
      },
    ],
  },
  {
    name: 'an end is published before its commit',
    scenes: ['strangers'],
    patches: [
      {
        file: 'services/supervisor/src/finish-jobs.ts',
        find: 'const ended = await finishJobs(context.store, endpointId, process, finishes);',
        put: `for (const { jobId } of finishes) {
        const told = {
          specversion: '1.0', id: \`\${jobId}-3\`, source: \`/endpoints/\${endpointId}\`,
          type: 'switchyard.job.completed', subject: jobId, time: new Date().toISOString(),
          datacontenttype: 'application/json', sequence: '3',
          data: { endpoint: endpointId, job: jobId },
        };
        const body = Buffer.from(JSON.stringify(told));
        const topic = \`switchyard.events.\${endpointId}.completed\`;
        await context.broker.append({ id: told.id, topic, body });
      }
      const ended = await finishJobs(context.store, endpointId, process, finishes);`,
      },
    ],
  },
  {
    name: 'a webhook is written down after the end, by itself',
    scenes: ['breakages'],
    patches: [
      {
        file: 'packages/store/src/statements/terminal.ts',
        find: 'where ended.has_webhook\n',
        put: 'where ended.has_webhook and false\n',
      },
      {
        file: 'services/supervisor/src/finish-jobs.ts',
        find: 'return finishes.map((finish) => ended.has(finish.jobId));',
        put: `setTimeout(() => {
        void context.store.run({
          name: 'hook_late',
          text: \`insert into deliveries (endpoint_id, job_id, event_seq, url, due_at)
            select $1, results.job_id, event_seq, webhook, now() from results
            join jobs using (endpoint_id, job_id) where endpoint_id = $1 and webhook is not null
            on conflict do nothing\`,
        }, [endpointId]).catch(() => undefined);
      }, ${LATER_MS});
      return finishes.map((finish) => ended.has(finish.jobId));`,
      },
    ],
  },
  {
    name: 'an assign is handed over as often as it comes, and comes twice',
    scenes: ['flow'],
    patches: [
      {
        file: 'services/scheduler/src/claim-for-demand.ts',
        find: 'context.broker.hint(topics.assign(instance), encodeFrame(header, bodies));',
        put: `context.broker.hint(topics.assign(instance), encodeFrame(header, bodies));
  context.broker.hint(topics.assign(instance), encodeFrame(header, bodies));`,
      },
      {
        file: 'services/supervisor/src/hand-over-jobs.ts',
        find: 'received.get(claim.jobId)?.claimNo !== claim.claimNo',
        put: 'claim.claimNo > 0',
      },
    ],
  },
  {
    name: 'the relay moves its cursor before it publishes',
    scenes: ['breakages'],
    patches: [
      {
        file: 'services/notifier/src/relay-events.ts',
        find: PUBLISH,
        put: `const newest = events.at(-1);
    if (newest !== undefined) await moveCursor(store, RELAY_CURSOR, instance, newest);
    await pause(${LATER_MS});
    ${PUBLISH}`,
      },
    ],
  },
  {
    name: 'a webhook is dated by the clock of the notifier',
    scenes: ['flow'],
    patches: [
      {
        file: 'services/notifier/src/deliver-webhooks.ts',
        find: 'const sentAtMs = delivery.begunAtMs;',
        put: 'const sentAtMs = Date.now();',
      },
    ],
  },
  {
    name: 'webhooks go to private addresses',
    scenes: ['targets'],
    patches: [
      {
        file: 'packages/runtime/src/target-guard.ts',
        find: 'const kind = forbiddenKind(address);',
        put: 'const kind = [address].length > 1 ? forbiddenKind(address) : undefined;',
      },
    ],
  },
  {
    name: 'a key opens endpoints that it is not for',
    scenes: ['reach'],
    patches: [
      {
        file: 'services/intake/src/http/authenticate.ts',
        find: 'if (!mayUse(principal, endpointId)) throw noSuchEndpoint();',
        put: '',
      },
    ],
  },
  {
    name: 'a slot is freed twice',
    scenes: ['flow'],
    patches: [
      {
        file: 'services/supervisor/src/http/exchange.ts',
        find: 'worker.free = Math.max(0, header.free - unread);',
        put: `worker.free = Math.max(0, header.free - unread)
    + posts.filter((post) => post?.kind === 'output').length;`,
      },
    ],
  },
  {
    name: 'a batch is dropped whole for one row at which Postgres fails',
    scenes: ['strangers'],
    patches: [
      inStatement(
        'finish-jobs',
        'leases.job_id = posted.job_id',
        `leases.job_id = posted.job_id
      and (posted.claim_no is null or posted.claim_no + 1 > 0)`,
      ),
      {
        file: 'packages/runtime/src/batch.ts',
        find: 'if (batch.length === 1 || !this.#options.isPermanent(error)) {',
        put: 'if (batch.length > 0) {',
      },
    ],
  },
];
