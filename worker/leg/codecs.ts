/** The codecs a leg can agree on, by the name SDP gives them. */
import type { Codec } from '../media/codec/codec.ts';
import { pcma, pcmu } from '../media/codec/g711.ts';
import { g722 } from '../media/codec/g722.ts';
import type { AudioName } from './sdp.ts';

export const codecs: Readonly<Record<AudioName, Codec>> = { PCMU: pcmu, PCMA: pcma, G722: g722 };

/** Whether a frame of G.711 is silence to the ear (below about −38 dBov), told from its bytes alone. */
export function isQuietPayload(name: 'PCMU' | 'PCMA', payload: Uint8Array): boolean {
  for (const byte of payload) {
    const magnitude = name === 'PCMA' ? (byte ^ 0x55) & 0x7f : ~byte & 0x7f;
    if (magnitude > (name === 'PCMA' ? 0x12 : 0x22)) return false;
  }
  return true;
}
