/** How a call ends that nobody has taken, as the API brings it about: some rows of docs/endings.md. */
import type { Ending } from '../shared/domain/ending.ts';

/** Asked for while the call was in the queue: it never happened, whichever of the two was asked. */
export const endedInQueue = (asked: 'completed' | 'canceled'): Ending => ({
  status: 'canceled',
  cause: asked === 'canceled' ? 'api_canceled' : 'api_completed',
  blame: 'api',
  sipCode: null,
  detail: 'The API ended the call in the queue.',
});

export const queueTimeout: Ending = {
  status: 'failed',
  cause: 'queue_timeout',
  blame: 'platform',
  sipCode: null,
  detail: 'No worker took the call within the queue time limit.',
};

export const notQueued: Ending = {
  status: 'failed',
  cause: 'redis_unavailable',
  blame: 'platform',
  sipCode: null,
  detail: 'The call could not be queued because Redis was away.',
};
