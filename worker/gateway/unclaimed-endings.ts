/** How a call ends at the gateway when no worker has claimed it: some rows of docs/endings.md. */
import type { Ending } from '../../shared/domain/ending.ts';

export const callerCanceled: Ending = {
  status: 'canceled',
  cause: 'caller_canceled',
  blame: 'caller',
  sipCode: 487,
  detail: 'The caller hung up before the call was answered.',
};

export const queueTimeout: Ending = {
  status: 'failed',
  cause: 'queue_timeout',
  blame: 'platform',
  sipCode: 503,
  detail: 'No worker took the call within the queue time limit.',
};

export const notQueued: Ending = {
  status: 'failed',
  cause: 'redis_unavailable',
  blame: 'platform',
  sipCode: 503,
  detail: 'The call could not be queued because Redis was away.',
};
