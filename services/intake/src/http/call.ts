import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admitted } from './authenticate.ts';
import type { Call } from './route.ts';

const NO_BODY = Buffer.alloc(0);

/** What a route hears of `request`. */
export const callOf = <Who extends Partial<Admitted>>(
  request: FastifyRequest,
  reply: FastifyReply,
  who: Who,
): Call & Who => Object.assign(new HttpCall(request, reply), who);

/** A class, since what is made for each request is to be made of one shape. */
class HttpCall implements Call {
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#request = request;
    this.#reply = reply;
  }

  get path(): Readonly<Record<string, string>> {
    return pathOf(this.#request);
  }

  get query(): Readonly<Record<string, unknown>> {
    return this.#request.query as Readonly<Record<string, unknown>>;
  }

  get body(): Buffer {
    const { body } = this.#request;
    return Buffer.isBuffer(body) ? body : NO_BODY;
  }

  get stream(): AsyncIterable<Buffer> {
    return this.#request.raw;
  }

  get requestId(): string {
    return this.#request.id;
  }

  dropBody(): void {
    this.#request.body = undefined;
    this.#request.bodyRoom?.leave();
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  hangUp(): AbortSignal {
    const hangUp = new AbortController();
    const { raw } = this.#reply;
    if (raw.destroyed) hangUp.abort();
    else raw.once('close', () => hangUp.abort());
    return hangUp.signal;
  }
}

/** The parameters in the path of `request`. */
export const pathOf = (request: FastifyRequest): Readonly<Record<string, string>> =>
  request.params as Readonly<Record<string, string>>;
