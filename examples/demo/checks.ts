/** What the demo measures about its own call: each a sentence with figures, and whether it holds. */
import type { StreamHeard } from './app.ts';
import { findSound, levelOf } from './likeness.ts';

export interface Check {
  readonly holds: boolean;
  readonly sentence: string;
}

export interface Evidence {
  /** All at 8 kHz. */
  readonly prompt: Int16Array;
  readonly speech: Int16Array;
  readonly phoneHeard: Int16Array;
  readonly appInbound: Int16Array;
  readonly appOutbound: Int16Array;
  readonly pressed: string;
  readonly streams: readonly StreamHeard[];
  readonly status: string;
}

const RATE = 8000;
/** G.711 alone leaves more than 0.99; a wrong or broken sound less than 0.3. */
const ALIKE = 0.9;

export function checkCall(evidence: Evidence): readonly Check[] {
  const { prompt, speech, phoneHeard, appInbound, appOutbound, pressed, streams, status } = evidence;
  const said = findSound(speech, appInbound);
  const echoed = findSound(speech, phoneHeard);
  const played = findSound(speech, appOutbound);
  return [
    sound('the prompt reached the phone', findSound(prompt, phoneHeard).similarity, levelOf(phoneHeard)),
    sound("the phone's voice reached the app", said.similarity, levelOf(appInbound)),
    {
      ...sound('the echo of the two-way stream came back to the phone', echoed.similarity, levelOf(phoneHeard)),
      sentence: `the echo of the two-way stream came back to the phone: likeness ${echoed.similarity.toFixed(3)}, ${Math.round(((played.offset - said.offset) * 1000) / RATE)} ms behind the voice`,
    },
    ...streams.map((stream) => ({
      holds: stream.digits.join('') === pressed,
      sentence: `stream ${stream.name} received each digit once: pressed ${pressed}, received ${stream.digits.join('') || 'none'}`,
    })),
    ...streams.map((stream) => ({
      holds: stream.stopped && stream.closeCode === 1000,
      sentence: `stream ${stream.name} ended ${stream.stopped ? 'with its stop' : 'without a stop'}, close code ${stream.closeCode}`,
    })),
    { holds: status === 'completed', sentence: `the call ended as ${status}` },
  ];
}

function sound(what: string, similarity: number, level: number): Check {
  return {
    holds: similarity >= ALIKE,
    sentence: `${what}: likeness ${similarity.toFixed(3)}, level ${level.toFixed(1)} dBFS`,
  };
}
