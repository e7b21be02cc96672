/** Makes the legs of one worker thread: what all of them share is given once. Made by the thread's main. */
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { LegId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { BeatSource } from '../media/beat.ts';
import type { Tee } from '../media/frame.ts';
import type { PortPool } from '../rtp/ports.ts';
import type { BindDatagram } from '../sockets/datagram.ts';
import type { LegDelegate } from './leg.ts';
import type { MovedWatch } from './leg-media.ts';
import type { AudioName } from './sdp.ts';
import { SipLeg } from './sip-leg.ts';

export interface LegFactoryOptions {
  readonly settings: {
    readonly RTP_HOST: string;
    readonly RTP_PUBLIC_ADDRESS?: string | undefined;
    /** Milliseconds of silence that end a leg; 0 for never. */
    readonly MEDIA_TIMEOUT: number;
    /** In the order they are offered. */
    readonly CODECS: readonly AudioName[];
  };
  /** The thread's part of the port range: see `portsOfThread`. */
  readonly ports: PortPool;
  /** Opens the sockets of RTP; absent: Node's. */
  readonly bind?: BindDatagram;
  readonly beatSource: BeatSource;
  readonly log: Logger;
}

/** What is the call's own. */
export interface LegSetting {
  readonly id: LegId;
  /** The far end's offer of an inbound call. */
  readonly offer: string | null;
  readonly post: (letter: GatewayLetter) => void;
  readonly written: () => Promise<void>;
  readonly delegate: LegDelegate;
  readonly clock: Clock;
  /** For `DUMP_AUDIO`: takes down the leg's sound; answers with its end. */
  readonly record: ((tee: Tee) => () => void) | null;
  /** The session id of `o=`: the same for every owner of the call. */
  readonly session: number;
  readonly moved: MovedWatch;
}

export type LegFactory = (setting: LegSetting) => SipLeg;

export function makeLegFactory(options: LegFactoryOptions): LegFactory {
  const { settings, ports, bind, beatSource, log } = options;
  return ({ id, offer, post, written, delegate, clock, record, session, moved }) =>
    new SipLeg({
      id,
      offer,
      send: post,
      written,
      delegate,
      record,
      media: {
        clock,
        log,
        beatSource,
        ports,
        ...(bind === undefined ? {} : { bind }),
        host: settings.RTP_HOST,
        publicAddress: settings.RTP_PUBLIC_ADDRESS ?? null,
        codecs: settings.CODECS,
        telephoneEvent: true,
        mediaTimeoutMs: settings.MEDIA_TIMEOUT,
        session,
        moved,
      },
    });
}
