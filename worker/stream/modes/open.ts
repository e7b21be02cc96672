/** The mode a stream was ordered in. */
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { PlayoutQueue } from '../../media/playout-queue.ts';
import { warnings } from '../failure.ts';
import type { ReadAudioFile } from '../file-playback.ts';
import { type Before, Playback } from '../playback.ts';
import { Bidirectional } from './bidirectional.ts';
import { duplex } from './duplex.ts';
import type { Mode, ModeDelegate } from './mode.ts';
import { raw } from './raw.ts';
import { unidirectional } from './unidirectional.ts';

export interface ModeOrder {
  readonly streamSid: string;
  readonly spec: StreamSpec;
  readonly playout: PlayoutQueue;
  readonly before: Before;
  readonly clock: Clock;
  readonly readAudioFile: ReadAudioFile;
}

/** Makes the mode; its session ends it. */
export function openMode(order: ModeOrder, delegate: ModeDelegate): Mode {
  const { spec } = order;
  switch (spec.mode) {
    case 'unidirectional':
      return unidirectional(spec.dialect);
    case 'raw':
      return raw();
    case 'duplex':
      return duplex(spec.mediaFormat, openPlayback(order, delegate), delegate);
    case 'bidirectional':
      return new Bidirectional({ ...order, playback: openPlayback(order, delegate) }, delegate);
  }
}

function openPlayback({ spec, playout, before, clock }: ModeOrder, delegate: ModeDelegate): Playback {
  return new Playback(playout, before, clock, {
    onMark: (name, playedMs, cleared) => delegate.mark(name, playedMs, cleared),
    onBacklog: () => delegate.warn(warnings.backlog, warnings.backlog.message),
    onPressure: (state, bufferedMs) => {
      if (spec.playbackEvents) delegate.send({ event: 'pressure', pressure: { state, bufferedMs } });
    },
  });
}
