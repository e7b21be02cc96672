/** Why a text could not be spoken. Expected: the document goes on without it. */

export type SpeechFault = 'too-long' | 'no-voice' | 'busy' | 'deadline' | 'engine' | 'closed';

export class SpeechFailed extends Error {
  override readonly name = 'SpeechFailed';
  readonly fault: SpeechFault;

  constructor(fault: SpeechFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Longest text of one utterance, in characters. */
export const MAX_TEXT = 4096;
