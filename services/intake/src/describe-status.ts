import {
  type Endpoint,
  type EndpointId,
  printStatusBody,
  type SwitchyardStatus,
} from '@switchyard/contracts';
import { priorityOf } from '@switchyard/lifecycle';
import type { JobStatus } from '@switchyard/store';
import type { ProgressMemory } from './remember-progress.ts';

/**
 * The status body of a job as it stands; progress is its `output` while it runs.
 * @param waiting why it is still queued, where that was asked for.
 */
export const describeStatus = (
  progress: ProgressMemory,
  endpoint: Endpoint,
  status: JobStatus,
  waiting?: SwitchyardStatus['waiting'],
): Buffer =>
  printStatusBody({
    id: status.jobId,
    status: status.state,
    delayMs: status.delayMs,
    executionMs: status.executionMs,
    workerId: status.workerId,
    output: status.output ?? progress.outputOf(endpoint.id as EndpointId, status),
    error: status.error,
    switchyard: {
      priority: priorityOf(status.rank),
      escalatedAt: status.escalatedAt,
      attempt: status.attempt,
      deadlineAt: status.deadlineAt,
      createdAt: status.createdAt,
      ...(waiting === undefined ? {} : { waiting }),
    },
  });
