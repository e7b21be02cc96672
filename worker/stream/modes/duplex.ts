/** Bare audio both ways in the stream's own format: PROTOCOL §14.1. What the app sends plays at once; text is ignored. */
import type { MediaFormat } from '../../../shared/domain/stream.ts';
import { type BareFormat, BareReader, costOf } from '../bare-samples.ts';
import type { Playback } from '../playback.ts';
import type { Mode, ModeDelegate } from './mode.ts';

export function duplex(
  { encoding, sampleRate }: MediaFormat,
  playback: Playback,
  { charge }: Pick<ModeDelegate, 'charge'>,
): Mode {
  const format: BareFormat = { encoding, sampleRate, endianness: 'little' };
  let reader = new BareReader(format, playback.rate);
  return {
    wire: 'binary',
    tellsDigits: false,
    playback,
    begin: () => {
      reader.close();
      reader = new BareReader(format, playback.rate);
    },
    onText: () => {},
    onBinary: (bytes) => {
      charge(costOf(bytes.length, format, playback.rate));
      playback.play(reader.read(bytes));
    },
    beat: () => playback.beat(),
    end: () => {
      playback.end();
      reader.close();
    },
  };
}
