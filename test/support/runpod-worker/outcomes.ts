import type { WorkerConfig } from './config.ts';

export type Outcome =
  | {
      kind: 'result';
      body: Buffer;
      isStream: boolean;
      /** Runs after the result was posted. */
      afterwards?: () => Promise<void>;
    }
  | { kind: 'cancelled' }
  | { kind: 'lost' };

/** A result whose JSON text is posted as it stands. */
export const posted = (json: string | Buffer, isStream = false): Outcome => ({
  kind: 'result',
  body: Buffer.from(json),
  isStream,
});

export const result = (config: WorkerConfig, output: string | Buffer, isStream = false): Outcome =>
  posted(
    Buffer.concat([
      Buffer.from('{"output": '),
      Buffer.from(output),
      Buffer.from(config.refreshWorker ? ', "stopPod": true}' : '}'),
    ]),
    isStream,
  );

/** What an exception of the handler becomes: an error that is itself the text of an object. */
export const failure = (config: WorkerConfig, error: Error): Outcome =>
  posted(
    JSON.stringify({
      error: JSON.stringify({
        error_type: `<class '${error.name}'>`,
        error_message: error.message,
        error_traceback: error.stack ?? '',
        hostname: config.hostname,
        worker_id: config.workerId,
        runpod_version: '1.12.0',
      }),
    }),
  );
