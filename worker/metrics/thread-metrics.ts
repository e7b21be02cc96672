/**
 * What one worker thread counts, for Prometheus: the names, and nothing of how they come about. Counters and
 * histograms are fed once a second (`sampler.ts`) or when something ends, never for a frame. No sid, no
 * number and no address is ever a label. The thread makes one; `docs/monitoring.md` lists the names.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { showTimers } from '../../shared/metrics/timers.ts';

/** Seconds. */
const SET_UP = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const DELAYS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1];
const DEPTHS = [0, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600];

/** Plain objects: they cross threads. */
export type MetricsValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export class ThreadMetrics {
  readonly registry = new Registry();

  /** `thread`: its index on this host. */
  constructor(thread: number) {
    this.registry.setDefaultLabels({ thread: String(thread) });
    showTimers(this.registry);
    // There from the start, so that the first one is seen as a step.
    for (const result of ['delivered', 'failed']) this.callbacks.inc({ result }, 0);
  }

  // Calls.
  readonly callsRunning = this.#gauge('pivot_calls_running', 'Calls that run here now.');
  readonly capacity = this.#gauge('pivot_calls_capacity', 'Most calls that may run here.');
  readonly free = this.#gauge('pivot_calls_free', 'Calls that could be taken here now, by the load that is measured.');
  readonly busy = this.#gauge('pivot_thread_busy_ratio', 'Share of its time a thread is busy.');
  readonly draining = this.#gauge('pivot_worker_draining', '1 while no new calls are taken.');
  readonly callsEnded = this.#counter('pivot_calls_total', 'Calls that ended, by direction and final status.', [
    'direction',
    'status',
  ]);
  readonly endings = this.#counter('pivot_call_endings_total', 'Calls that ended, by cause and whose doing it was.', [
    'cause',
    'blame',
  ]);
  readonly queueSeconds = this.#histogram('pivot_call_queue_seconds', 'From a call to its worker.', SET_UP);
  readonly recoveries = this.#counter('pivot_recoveries_total', 'Calls taken over from an owner that died.');
  readonly callsLost = this.#counter('pivot_calls_lost_total', 'Calls another owner took from this one.');

  // Streams.
  readonly streams = this.#gauge('pivot_streams', 'Streams now.', ['mode', 'dialect', 'state']);
  readonly streamsEnded = this.#counter('pivot_streams_total', 'Streams that ended.', ['mode', 'dialect', 'state']);
  readonly streamErrors = this.#counter('pivot_stream_errors_total', 'Streams that ended with an error, by its code.', [
    'code',
  ]);
  readonly streamOpenSeconds = this.#histogram(
    'pivot_stream_open_seconds',
    'From the order of a stream to its `start`.',
    SET_UP,
  );
  readonly firstAudioSeconds = this.#histogram(
    'pivot_stream_first_audio_seconds',
    'From the answer, or the order of a later stream, to the first audio at the application.',
    SET_UP,
  );
  readonly framesSent = this.#counter('pivot_stream_frames_sent_total', 'Frames of 20 ms sent to applications.');
  readonly bytesSent = this.#counter('pivot_stream_bytes_sent_total', 'Bytes sent to applications.');
  readonly droppedToApp = this.#counter(
    'pivot_stream_gap_seconds_total',
    'Audio for applications that was dropped: they read too slowly, or were away.',
  );
  readonly messagesReceived = this.#counter('pivot_stream_messages_received_total', 'Messages of applications.');
  readonly bytesReceived = this.#counter('pivot_stream_bytes_received_total', 'Bytes of applications.');
  readonly playedSeconds = this.#counter('pivot_stream_played_seconds_total', 'Audio of applications that was heard.');
  readonly droppedFromApp = this.#counter(
    'pivot_stream_dropped_seconds_total',
    'Audio of applications that was never heard: cleared, or beyond the bound.',
  );
  readonly reconnects = this.#counter('pivot_stream_reconnects_total', 'Sockets of streams that were opened again.');

  // Sound.
  readonly legs = this.#gauge('pivot_legs', 'Legs with media now.');
  readonly playoutDepth = this.#histogram(
    'pivot_playout_depth_seconds',
    'Audio that waits to be heard; each leg once a second.',
    DEPTHS,
  );
  readonly underruns = this.#counter('pivot_playout_underruns_total', 'Live audio that came too late to be heard.');
  readonly jitterDelay = this.#histogram(
    'pivot_rtp_jitter_buffer_seconds',
    'Delay of the jitter buffer; each leg once a second.',
    DELAYS,
  );
  readonly rtpReceived = this.#counter('pivot_rtp_packets_received_total', 'RTP packets of far ends.');
  readonly rtpSent = this.#counter('pivot_rtp_packets_sent_total', 'RTP packets to far ends.');
  readonly rtpLost = this.#counter('pivot_rtp_packets_lost_total', 'RTP packets that never came.');
  readonly rtpLate = this.#counter('pivot_rtp_packets_late_total', 'RTP packets too late to be heard.');
  readonly rtpRefused = this.#counter(
    'pivot_rtp_packets_refused_total',
    'Packets at our RTP ports that were not used.',
    ['why'],
  );
  readonly concealed = this.#counter('pivot_rtp_frames_concealed_total', 'Frames made up for lost or late packets.');
  readonly ports = this.#gauge('pivot_rtp_ports', 'Pairs of RTP ports of this thread.', ['state']);

  // Time.
  readonly loopDelay = this.#histogram(
    'pivot_event_loop_delay_seconds',
    'Delay of the event loop: the worst of each second.',
    DELAYS,
  );
  readonly beatLateness = this.#histogram(
    'pivot_beat_lateness_seconds',
    'How late the 20 ms beat came: the worst of each second with calls.',
    DELAYS,
  );
  readonly beats = this.#counter('pivot_beats_total', 'Beats of legs.');
  readonly beatsSkipped = this.#counter('pivot_beats_skipped_total', 'Beats given up after a long stop.');

  // Around.
  readonly callbacks = this.#counter('pivot_callbacks_total', 'Callbacks that came to an end.', ['result']);

  /** For another thread to show. */
  values(): Promise<MetricsValues> {
    return this.registry.getMetricsAsJSON();
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.registry] });
  }
}
