/** The timeline of a call: followed live by server-sent events, printed a line each, kept for the picture. */
import type { TimelineEvent } from '../../shared/domain/event.ts';

export interface Api {
  readonly url: string;
  readonly authorization: string;
}

/** Follows until `call.ended`; answers with all events. `began` is the second 0 of the printed times. */
export async function followTimeline(
  api: Api,
  sid: string,
  onEvent: (event: TimelineEvent) => void,
  signal: AbortSignal,
): Promise<TimelineEvent[]> {
  const response = await fetch(`${api.url}/calls/${sid}/events`, {
    headers: { Authorization: api.authorization, Accept: 'text/event-stream' },
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`The timeline answered ${response.status}.`);
  const events: TimelineEvent[] = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const event = JSON.parse(data) as TimelineEvent;
      events.push(event);
      onEvent(event);
    }
    if (events.some((event) => event.type === 'call.ended')) break;
  }
  return events;
}

/** `  1.234 s  sip.answered       in 200 OK` */
export function describeEvent(event: TimelineEvent, beganAt: number): string {
  const seconds = ((Date.parse(event.at) - beganAt) / 1000).toFixed(3).padStart(8);
  const { at: _at, seq: _seq, type, ...details } = event;
  const words = Object.entries(details)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return `${seconds} s  ${type.padEnd(20)} ${words.join(' ')}`;
}
