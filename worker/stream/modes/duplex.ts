/** Bare audio both ways in the stream's own format: PROTOCOL §14.1. What the app sends plays at once; text is ignored. */
import type { MediaFormat } from '../../../shared/domain/stream.ts';
import { BareReader } from '../bare-samples.ts';
import type { Playback } from '../playback.ts';
import type { Mode } from './mode.ts';

export function duplex(format: MediaFormat, playback: Playback): Mode {
  const { encoding, sampleRate } = format;
  const reader = new BareReader({ encoding, sampleRate, endianness: 'little' }, playback.rate);
  return {
    wire: 'binary',
    tellsDigits: false,
    playback,
    onText: () => {},
    onBinary: (bytes) => playback.play(reader.read(bytes)),
    beat: () => playback.beat(),
    end: () => {
      playback.end();
      reader.close();
    },
  };
}
