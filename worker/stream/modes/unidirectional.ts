/** JSON to the app, nothing back: PROTOCOL §2.4. What the app sends is ignored. Twilio tells no digits (AC-42). */
import type { Dialect } from '../../../shared/domain/dialect.ts';
import type { Mode } from './mode.ts';

export function unidirectional(dialect: Dialect): Mode {
  return {
    wire: 'json',
    tellsDigits: dialect === 'pivot',
    playback: null,
    begin: () => {},
    onText: () => {},
    onBinary: () => {},
    beat: () => {},
    end: () => {},
  };
}
