/**
 * Who owns the operating-system processes of workers: this process itself, or the keeper above it,
 * so that workers outlive the HTTP part.
 */
import type { EndpointId, WorkerId } from '@switchyard/contracts';

/** One incarnation of a worker, to be started. */
export type ProcessSpec = {
  readonly workerId: WorkerId;
  readonly endpointId: EndpointId;
  /** Program and arguments, run without a shell; `node` is the Node that runs Switchyard. */
  readonly command: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  /** On top of the few variables that every worker inherits. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * How long it has between SIGTERM and SIGKILL, in ms. This and what follows a host only keeps,
   * for whoever finds the process running after a restart of its own.
   */
  readonly killAfterMs: number;
  /** The key that opens the gateway to it. */
  readonly keyId: string;
  /** Differs where the process was started from another template. */
  readonly shape: string;
};

/** What a host remembers of a process that runs, or that an earlier host left running. */
export type HostedProcess = Omit<ProcessSpec, 'command' | 'cwd' | 'env'> & {
  /** Undefined until the process is there. */
  readonly pid: number | undefined;
};

export type ProcessExit = Pick<ProcessSpec, 'workerId' | 'endpointId' | 'keyId'> & {
  /** Null when a signal ended it, or it never ran. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of its output; of a process that could not be started, a sentence that says why. */
  readonly lastLines: readonly string[];
  /** `end` or `stop` was called for it. */
  readonly asked: boolean;
  readonly ranMs: number;
};

export interface WorkerHost {
  /**
   * Ends what an earlier host on the same data directory left running. To be called once, before
   * the first `start`. @returns the workers whose process groups were ended.
   */
  endLeftovers(): Promise<readonly HostedProcess[]>;
  /** Starts a process. One that cannot be started is reported as an exit. */
  start(spec: ProcessSpec): void;
  /**
   * Sends SIGTERM to the process group, and SIGKILL to what is left of it `graceMs` later. A second
   * call can only shorten the grace. Unknown workers are passed over.
   */
  end(workerId: string, how: { readonly graceMs: number }): void;
  /** Every process whose exit has not been reported yet. */
  list(): readonly HostedProcess[];
  /** Calls `hear` once for each process that is gone, whole group and all. */
  onExit(hear: (exit: ProcessExit) => void): void;
  /** Ends every process as `end` does and resolves when their exits were reported. */
  stop(graceMs: number): Promise<void>;
}
