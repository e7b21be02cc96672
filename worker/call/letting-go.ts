/** How a call that is over lets go, in order; every wait has its deadline. */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { FIRST_LEG } from '../../shared/kernel/ids.ts';
import { endingOf, refusalOf } from './ending.ts';
import type { LeftStreams } from './left-streams.ts';
import type { Parts } from './parts.ts';
import type { CallPorts } from './ports.ts';
import { Progress } from './progress.ts';

/** A verb that is cut short lets go within this. */
const LET_GO_MS = 2000;
/** The last writes of a call; the journal's own retries live inside this. */
const FLUSH_MS = 30_000;

/** What a call holds when it is over. */
export interface Held {
  readonly parts: Parts;
  readonly left: LeftStreams;
  /** Settles when the running verb has let go. */
  readonly documentDone: Promise<void>;
}

/** The document stops at once, the streams say goodbye, then the leg is closed. */
export async function windUp({ parts, left, documentDone }: Held, ending: Ending, ports: CallPorts): Promise<void> {
  const { leg, streams, interpreter, progress } = parts;
  const { clock, log } = ports;
  progress.over();
  interpreter.interrupt({ kind: 'end', ending });
  const { loading } = left;
  if (loading !== null) await withDeadline(clock, FLUSH_MS, 'streams of the owner before', loading).catch(() => {});
  left.writeOff(streams);
  await streams.close('hangup');
  await withDeadline(clock, LET_GO_MS, 'the running verb', documentDone).catch((error: unknown) => {
    log.error({ err: error }, 'a verb did not let go');
  });
  leg.close();
}

/** The last writes; a journal that cannot make them holds nobody up. */
export async function flush({ clock, journal, log }: CallPorts): Promise<void> {
  await withDeadline(clock, FLUSH_MS, 'last writes', journal.flush()).catch((error: unknown) => {
    log.error({ err: error }, 'the end of a call could not be written');
  });
}

/** No leg could be made: the gateway is told in its place, so that the far end is not left waiting. */
export function endWithoutLeg(call: CallRecord, { journal, clock, tellGateway }: CallPorts): void {
  const progress = new Progress(call, journal, clock);
  const { answered } = progress;
  const ending = endingOf('internal_error', { answered, direction: call.direction, detail: 'no leg could be made' });
  if (answered || call.direction !== 'inbound') tellGateway({ kind: 'hangup', leg: FIRST_LEG });
  else tellGateway({ kind: 'reject', leg: FIRST_LEG, ...refusalOf(ending, call.dialect) });
  progress.ended(ending);
}
