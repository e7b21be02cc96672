/** What happens to a phone's call, as lines for people. */
import type { PhoneEvent } from './phone-event.ts';

export function eventLine(event: PhoneEvent): string {
  switch (event.type) {
    case 'ringing':
      return event.earlyMedia ? `ringing (${event.code}, with sound)` : `ringing (${event.code})`;
    case 'answered':
      return 'answered';
    case 'ended': {
      const { by, code, reason } = event.ending;
      return `ended: ${reason}${code === null ? '' : ` (${code})`}${by === 'lost' ? ', the connection was lost' : ''}`;
    }
    case 'digit':
      return `digit ${event.digit} (${event.by}, ${event.durationMs} ms)`;
    case 'media.started':
      return `sound: ${event.codec} with ${event.remote}`;
    case 'media.moved':
      return `sound moved to ${event.remote}`;
    case 'media.held':
      return 'on hold';
    case 'media.resumed':
      return 'resumed';
    default:
      return event.type;
  }
}
