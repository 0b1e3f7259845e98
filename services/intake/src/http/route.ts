import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type {
  Endpoint,
  EndpointId,
  ErrorCode,
  NDJSON,
  Refusal,
  Scope,
} from '@switchyard/contracts';
import type { Principal } from '@switchyard/store';

export const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/** A JSON schema, as it stands in `/openapi.json`. */
export type Schema = object;

/** What a route hears of a request, whatever serves it. */
export type Call = {
  readonly path: Readonly<Record<string, string>>;
  /** As parsed; a name given twice is an array. */
  readonly query: Readonly<Record<string, unknown>>;
  /** Empty where none was sent. */
  readonly body: Buffer;
  /** Lets go of the body: for routes that wait for long when they have read it. */
  readonly dropBody: () => void;
  /** What comes in, unread where the route says that its body is streamed. */
  readonly stream: AsyncIterable<Buffer>;
  readonly header: (name: string) => string | undefined;
  readonly requestId: string;
  /** Aborts when the client goes before it has its answer. */
  readonly hangUp: () => AbortSignal;
};
/** A call with a good key. */
export type KeyCall = Call & { readonly principal: Principal };
/** A call with a good key for the endpoint in its path, which exists. */
export type EndpointCall = KeyCall & {
  readonly endpoint: Endpoint;
  readonly endpointId: EndpointId;
};

export type Answer = {
  /** 200 unless said. */
  readonly status?: number;
  /** `application/json` unless said. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Buffer | string | Readable;
};

type Parameter = { readonly name: string; readonly schema: Schema; readonly description: string };

type BodyDescribed = {
  readonly schema: Schema;
  readonly maxBytes: number;
  /**
   * Instead of `application/json`: a body of lines, each as the schema has it and of `maxBytes` at
   * most, which the route reads from `stream` as it comes.
   */
  readonly type?: typeof NDJSON;
};

/** What `/openapi.json` and the server need to know of a route. */
type Described = {
  readonly method: Method;
  /** Parameters in fastify's way: `/v2/:endpoint/status/:job`. */
  readonly path: string;
  readonly summary: string;
  readonly query?: readonly Parameter[];
  readonly headers?: readonly Parameter[];
  readonly body?: BodyDescribed;
  readonly success: { readonly status: number; readonly schema?: Schema; readonly type?: string };
  /** Besides those that every route of its kind may give. */
  readonly errors?: readonly ErrorCode[];
};

export type OpenRoute = Described & {
  readonly access: 'open';
  readonly answer: (call: Call) => Promise<Answer>;
};
export type KeyRoute = Described & {
  readonly access: 'key';
  readonly scope: Scope;
  readonly answer: (call: KeyCall) => Promise<Answer>;
};
export type EndpointRoute = Described & {
  readonly access: 'endpoint';
  readonly scope: Scope;
  /** Why a call would be refused whatever its body says; asked before that is read. */
  readonly refusal?: (endpoint: Endpoint, headers: IncomingHttpHeaders) => Refusal | undefined;
  readonly answer: (call: EndpointCall) => Promise<Answer>;
};

/** The methods that a route answers: what needs no key is for machines that may ask by HEAD. */
export const methodsOf = ({ method, access }: Route): string[] =>
  access === 'open' && method === 'GET' ? ['GET', 'HEAD'] : [method];

/** One row of the table that registration, access and `/openapi.json` are made from. */
export type Route = OpenRoute | KeyRoute | EndpointRoute;

/** Bodies of routes that read none: RunPod's clients send empty ones or `{}`. */
export const SMALL_BODY_MAX_BYTES = 65_536;
export const MANAGEMENT_BODY_MAX_BYTES = 1_048_576;

/** An answer of ours in JSON. */
export const json = (body: unknown, status = 200): Answer => ({
  status,
  body: JSON.stringify(body),
});
