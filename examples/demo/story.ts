/** The timeline as a picture needs it: verbs and streams as bars, marks and digits as ticks, in seconds. */
import type { TimelineEvent } from '../../shared/domain/event.ts';
import type { CallPicture } from './picture.ts';

const verbColours: Readonly<Record<string, string>> = {
  Say: '#7c3aed',
  Play: '#6d28d9',
  Pause: '#9ca3af',
  Connect: '#db2777',
  Start: '#0891b2',
};

export function tellStory(
  events: readonly TimelineEvent[],
  beganAt: number,
): Pick<CallPicture, 'bars' | 'ticks' | 'seconds'> {
  const seconds = (event: TimelineEvent): number => (Date.parse(event.at) - beganAt) / 1000;
  const end = Math.max(...events.map(seconds));
  const bars: CallPicture['bars'][number][] = [];
  const ticks: CallPicture['ticks'][number][] = [];
  const names = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'verb.started') {
      const ended = events.find(
        (other) => other.type === 'verb.ended' && other.seq > event.seq && other.index === event.index,
      );
      bars.push({
        row: 'verbs',
        label: event.verb,
        colour: verbColours[event.verb] ?? '#4b5563',
        from: seconds(event),
        to: ended ? seconds(ended) : end,
      });
    } else if (event.type === 'stream.started') {
      names.set(event.stream, event.name);
      const ended = events.find((other) => other.type === 'stream.stopped' && other.stream === event.stream);
      bars.push({
        row: `stream ${event.name}`,
        label: event.name,
        colour: '#0891b2',
        from: seconds(event),
        to: ended ? seconds(ended) : end,
      });
    } else if (event.type === 'stream.mark') {
      ticks.push({ row: 'marks', label: event.mark, colour: '#b45309', at: seconds(event) });
    } else if (event.type === 'dtmf.received') {
      ticks.push({ row: 'digits', label: event.digit, colour: '#dc2626', at: seconds(event) });
    }
  }
  return { bars, ticks, seconds: Math.ceil(end) };
}
