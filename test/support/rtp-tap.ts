/** The phone's end of a call as a bare RTP socket: every packet as it came, and silence the other way so that it stays. */
import { systemClock } from '../../shared/kernel/clock.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import { RtpProbe } from './rtp-probe.ts';
import { until } from './scene.ts';
import type { Owner } from './suite.ts';

const FRAME_MS = 20;
const SILENCE = new Uint8Array(160).fill(0xff);

/** Has the sound of a phone that is up sent to the probe it answers with, until the call is over. */
export async function tap(owner: Owner, phone: PhoneCall): Promise<RtpProbe> {
  const probe = await RtpProbe.open();
  const port = phone.media.agreement?.remote.port ?? 0;
  let sequence = 0;
  let over = false;
  const speak = (): void => {
    if (over) return;
    sequence += 1;
    void probe.send(port, { sequence, timestamp: sequence * 160, payload: SILENCE, ssrc: 77 });
    systemClock.after(FRAME_MS, speak);
  };
  owner.after(() => {
    over = true;
    probe.close();
  });
  phone.over.addEventListener('abort', () => {
    over = true;
  });
  phone.move(probe.address.address, probe.address.port);
  speak();
  await until('RTP for the new address', () => probe.count > 5);
  return probe;
}
