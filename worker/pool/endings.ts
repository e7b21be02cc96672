/** How calls end that no session could end: some rows of docs/endings.md. */
import type { Ending } from '../../shared/domain/ending.ts';

export const queueTimeout: Ending = {
  status: 'failed',
  cause: 'queue_timeout',
  blame: 'platform',
  sipCode: 503,
  detail: 'No worker took the call within the queue time limit.',
};

/** So many owners died with the call that it may be what kills them. */
export const abandoned: Ending = {
  status: 'failed',
  cause: 'worker_lost',
  blame: 'platform',
  sipCode: null,
  detail: 'The workers that ran the call died one after another.',
};

/** The session stopped without an end: a bug of ours, and the far end must not be left on the line. */
export const platformError: Ending = {
  status: 'failed',
  cause: 'platform_error',
  blame: 'platform',
  sipCode: null,
  detail: 'The call stopped because of an internal error.',
};
