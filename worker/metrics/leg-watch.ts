/** The legs of a thread, looked at once a second: RTP, the jitter buffer and what waits to be heard. */
import type { Leg } from '../leg/leg.ts';
import type { RtpFigures } from '../rtp/session.ts';
import { addTo, Growth } from './growth.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

type Counted = keyof ReturnType<typeof counted>;

interface Watched {
  readonly leg: Leg;
  readonly growth: Growth<Counted>;
}

export class LegWatch {
  readonly #metrics: ThreadMetrics;
  readonly #watched = new Set<Watched>();

  constructor(metrics: ThreadMetrics) {
    this.#metrics = metrics;
  }

  /** Until it has ended; the look after that is the last. */
  watch(leg: Leg): void {
    this.#watched.add({ leg, growth: new Growth() });
  }

  look(): void {
    let up = 0;
    const sum: Partial<Record<Counted, number>> = {};
    for (const watched of this.#watched) {
      const { leg } = watched;
      if (leg.state === 'ended') this.#watched.delete(watched);
      if (this.#lookAt(watched, sum)) up += 1;
    }
    this.#metrics.legs.set(up);
    this.#count(sum);
  }

  /** Whether media flows. */
  #lookAt({ leg, growth }: Watched, sum: Partial<Record<Counted, number>>): boolean {
    const { figures, playout } = leg;
    if (figures === null) return false;
    addTo(sum, growth.since(counted(figures, playout.underruns)));
    if (leg.state !== 'up') return false;
    this.#metrics.playoutDepth.observe(playout.queuedSamples / playout.rate);
    this.#metrics.jitterDelay.observe(figures.delayMs / 1000);
    return true;
  }

  #count(sum: Partial<Record<Counted, number>>): void {
    const metrics = this.#metrics;
    metrics.rtpReceived.inc(sum.received ?? 0);
    metrics.rtpSent.inc(sum.sent ?? 0);
    metrics.rtpLost.inc(sum.lost ?? 0);
    metrics.rtpLate.inc(sum.late ?? 0);
    metrics.concealed.inc(sum.concealed ?? 0);
    metrics.rtpRefused.inc({ why: 'stranger' }, sum.strangers ?? 0);
    metrics.rtpRefused.inc({ why: 'malformed' }, sum.malformed ?? 0);
    metrics.underruns.inc(sum.underruns ?? 0);
  }
}

function counted({ received, sent, lost, strangers, malformed, jitter }: RtpFigures, underruns: number) {
  const { late, lostFrames: concealed } = jitter;
  return { received, sent, lost, late, concealed, strangers, malformed, underruns };
}
