/** The parts of one call and how they are joined: leg, streams, document, progress. The session owns them. */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import { FIRST_LEG } from '../../shared/kernel/ids.ts';
import type { Leg, LegDelegate } from '../leg/leg.ts';
import { Documents } from './documents.ts';
import type { Cause } from './ending.ts';
import { Interpreter } from './interpreter.ts';
import type { Keys } from './keys.ts';
import type { CallPorts } from './ports.ts';
import { Progress } from './progress.ts';
import { requestParameters } from './request-parameters.ts';
import { CallStreams } from './streams.ts';

export interface Parts {
  readonly call: CallRecord;
  readonly leg: Leg;
  readonly streams: CallStreams;
  readonly interpreter: Interpreter;
  readonly progress: Progress;
}

/** What the parts ask of the session. */
export interface Joints {
  readonly keys: Keys;
  readonly delegate: LegDelegate;
  readonly ending: (cause: Cause, detail?: string) => Ending;
  /** Resolves when the call is up. */
  readonly answer: (signal: AbortSignal) => Promise<void>;
  /** The app presses digits, or hangs up, through a stream; false when too many digits wait. */
  readonly press: (digits: string) => boolean;
  readonly hangup: () => void;
}

export function assemble(call: CallRecord, ports: CallPorts, joints: Joints): Parts {
  const { clock, journal, openStream, makeLeg, webhook } = ports;
  const progress = new Progress(call, journal, clock);
  const leg = makeLeg(FIRST_LEG, call.offer, joints.delegate);
  const streams = new CallStreams({
    call,
    clock,
    journal,
    openStream,
    leg,
    webhook,
    onPress: joints.press,
    onHangup: joints.hangup,
  });
  const interpreter = interpreterOf({ call, leg, streams, progress }, ports, joints);
  return { call, leg, streams, progress, interpreter };
}

function interpreterOf(
  { call, leg, streams, progress }: Omit<Parts, 'interpreter'>,
  { clock, journal, parser, fetcher, synthesiser, allowInsecureWs }: CallPorts,
  { keys, ending, answer }: Joints,
): Interpreter {
  const entry = journal.entry.bind(journal);
  return new Interpreter({
    call,
    clock,
    journal,
    ending,
    documents: new Documents({ call, parser, fetcher, allowInsecureWs, entry }),
    cookies: () => fetcher.cookies(),
    parameters: (extra) => requestParameters(call, progress.status, extra),
    begins: (verb, isCut) => {
      if (!isCut || verb?.verb !== 'Connect') streams.dropKept();
    },
    streamsOpened: () => streams.opened(),
    context: (source, signal) => ({
      call,
      clock,
      signal,
      leg,
      keys,
      streams,
      fetcher,
      synthesiser,
      source,
      entry,
      isAnswered: () => progress.answered,
      answer: () => answer(signal),
      end: (cause, detail) => ({ kind: 'end', ending: ending(cause, detail) }),
    }),
  });
}
