/**
 * The unit of the audio path: 20 ms of one track, and whoever takes it.
 * Frames are lent, not given: they are valid only during the call that hands them over,
 * because the sender reuses them. Copy to keep. The path is synchronous from socket to socket.
 */

export const FRAME_MS = 20;

/** Rate of the samples on a leg: 8 kHz for G.711, 16 kHz for wideband. */
export type LegRate = 8000 | 16000;

export interface AudioFrame {
  /** Mono signed 16 bit at `rate`; always `rate / 50` samples. */
  readonly samples: Int16Array;
  readonly rate: LegRate;
  /**
   * The RTP payload these samples were decoded from (inbound) or will be sent as (outbound), when the
   * frame is exactly one packet of G.711: a branch in the same code may copy it instead of encoding again.
   */
  readonly encoded: { readonly encoding: 'audio/x-mulaw' | 'audio/x-alaw'; readonly payload: Uint8Array } | null;
}

/** One end of a pipe. `write` must not throw, wait or keep the frame. */
export interface FrameSink {
  write(frame: AudioFrame): void;
}

/**
 * The fork of a leg's audio. Every 20 ms beat hands each branch first the inbound frame, then the
 * outbound frame of the same beat, whatever the network did: silence and concealment are filled in
 * before the tee, so a branch can count frames to tell the time (AC-93).
 */
export interface Tee {
  /**
   * Adds a branch; answers with its remover. A branch that throws is removed and reported, the others go on.
   * `fromAnswer`: it is handed what is remembered since the answer before this returns, then the beats that follow.
   */
  add(branch: TeeBranch, fromAnswer?: boolean): () => void;
}

export interface TeeBranch {
  /** `beat` counts 20 ms periods since the leg's media began; the same for all branches. */
  beat(beat: number, inbound: AudioFrame, outbound: AudioFrame): void;
}
