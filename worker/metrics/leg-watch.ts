/** The legs of a thread, looked at once a second: RTP, the jitter buffer and what waits to be heard. */
import type { Leg } from '../leg/leg.ts';
import type { RtpFigures } from '../rtp/session.ts';
import { Growth } from './growth.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

interface Watched {
  readonly leg: Leg;
  readonly growth: Growth<keyof ReturnType<typeof counted>>;
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
    for (const watched of this.#watched) {
      const { leg } = watched;
      if (leg.state === 'ended') this.#watched.delete(watched);
      if (this.#lookAt(watched)) up += 1;
    }
    this.#metrics.legs.set(up);
  }

  /** Whether media flows. */
  #lookAt({ leg, growth }: Watched): boolean {
    const { figures, playout } = leg;
    if (figures === null) return false;
    const grown = growth.since(counted(figures, playout.underruns));
    const metrics = this.#metrics;
    metrics.rtpReceived.inc(grown.received);
    metrics.rtpSent.inc(grown.sent);
    metrics.rtpLost.inc(grown.lost);
    metrics.rtpLate.inc(grown.late);
    metrics.concealed.inc(grown.concealed);
    metrics.rtpRefused.inc({ why: 'stranger' }, grown.strangers);
    metrics.rtpRefused.inc({ why: 'malformed' }, grown.malformed);
    metrics.underruns.inc(grown.underruns);
    if (leg.state !== 'up') return false;
    metrics.playoutDepth.observe(playout.queuedSamples / playout.rate);
    metrics.jitterDelay.observe(figures.delayMs / 1000);
    return true;
  }
}

function counted({ received, sent, lost, strangers, malformed, jitter }: RtpFigures, underruns: number) {
  const { late, lostFrames: concealed } = jitter;
  return { received, sent, lost, late, concealed, strangers, malformed, underruns };
}
