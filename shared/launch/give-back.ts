/**
 * Loading a service's modules makes V8's young generation grow to tens of megabytes, which it keeps although an idle
 * service fills a fraction of it. One collection that gives memory back ends the start; it grows again where calls need it.
 */
import { systemClock } from '../kernel/clock.ts';
import { withDeadline } from '../kernel/deadline.ts';

/** It takes 20 to 40 ms. */
const WITHIN_MS = 1_000;

/** Collects all garbage of this thread and gives the free memory back. Never rejects: without it the service is only larger. */
export async function giveBackMemory(): Promise<void> {
  try {
    // `gc()` keeps the young generation as large as it is. A Node may be built without an inspector.
    const { Session } = await import('node:inspector');
    const session = new Session();
    session.connect();
    const collected = new Promise<void>((resolve) => session.post('HeapProfiler.collectGarbage', () => resolve()));
    await withDeadline(systemClock, WITHIN_MS, 'the collection at the start', collected).finally(() =>
      session.disconnect(),
    );
  } catch {
    // The service works without.
  }
}
