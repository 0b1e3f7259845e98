import type { Answer, BrokerLog, Request } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { ANSWERS_MAX, checkBody } from '../limits.ts';
import { checkName, checkPattern, checkTopic, covers } from '../topics.ts';

type Server = {
  readonly pattern: string;
  readonly group: string;
  readonly answer: Answer;
  readonly running: Set<Promise<void>>;
};

/** Requests and replies within a process. */
export class MemoryRequests {
  readonly #servers = new Set<Server>();
  readonly #log: BrokerLog;
  readonly #maxBodyBytes: number;
  #turn = 0;

  constructor(log: BrokerLog, maxBodyBytes: number) {
    this.#log = log;
    this.#maxBodyBytes = maxBodyBytes;
  }

  async request(topic: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    checkTopic(topic);
    checkBody(body, this.#maxBodyBytes);
    const noAnswer = (why: string): BrokerError =>
      new BrokerError('broker.no_answer', `No answer from ${topic}: ${why}.`);
    const servers = this.#membersFor(topic);
    if (servers.length === 0) throw noAnswer('nobody serves it');
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const late = (): void => reject(noAnswer(`nobody answered within ${timeoutMs} ms`));
    const timer = setTimeout(late, Math.max(1, timeoutMs));
    const asked = { topic, body: Uint8Array.from(body), id: undefined, headers: {} };
    for (const server of servers) setImmediate(() => this.#ask(server, asked, resolve));
    return await promise.finally(() => clearTimeout(timer));
  }

  async serve(pattern: string, group: string, answer: Answer, stop: AbortSignal): Promise<void> {
    checkPattern(pattern);
    checkName(group);
    if (stop.aborted) return;
    const server: Server = { pattern, group, answer, running: new Set() };
    this.#servers.add(server);
    const { promise, resolve } = Promise.withResolvers<void>();
    stop.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#servers.delete(server);
    await Promise.all(server.running);
  }

  /** One member of each group, in turn. */
  #membersFor(topic: string): Server[] {
    const groups = new Map<string, Server[]>();
    for (const server of this.#servers) {
      if (!covers(server.pattern, topic)) continue;
      groups.set(server.group, [...(groups.get(server.group) ?? []), server]);
    }
    this.#turn += 1;
    return [...groups.values()].flatMap((members) => members[this.#turn % members.length] ?? []);
  }

  #ask(server: Server, request: Request, reply: (body: Uint8Array) => void): void {
    if (server.running.size >= ANSWERS_MAX) {
      this.#log.warn({ topic: request.topic }, 'A request is left unanswered: too many run.');
      return;
    }
    const run = async (): Promise<void> => {
      const body = await server.answer(request);
      checkBody(body, this.#maxBodyBytes);
      reply(Uint8Array.from(body));
    };
    const task = run()
      .catch((error: unknown) => {
        this.#log.error({ topic: request.topic, err: error }, 'A request stays unanswered.');
      })
      .finally(() => server.running.delete(task));
    server.running.add(task);
  }
}
