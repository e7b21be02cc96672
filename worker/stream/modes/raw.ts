/** Bare audio in binary frames, nothing else and nothing back: PROTOCOL §2.5. */
import type { Mode } from './mode.ts';

export function raw(): Mode {
  return {
    wire: 'binary',
    tellsDigits: false,
    playback: null,
    begin: () => {},
    onText: () => {},
    onBinary: () => {},
    beat: () => {},
    end: () => {},
  };
}
