/** The process of the phone bank: settings in, bank up, ends well. */
import { systemClock } from '../../shared/kernel/clock.ts';
import { createLogger } from '../../shared/kernel/log.ts';
import { runService } from '../../shared/launch/service.ts';
import { readSettings } from '../../shared/settings.ts';
import { PortPool, type PortRange } from '../rtp/ports.ts';
import { PhoneBank } from './bank.ts';

const PORTS = 10_000;

/** The ports behind those of the workers, or below them where there is no room. */
function portsBeside({ low, high }: PortRange): PortRange {
  if (high + PORTS <= 65_535) return { low: high + 1, high: high + PORTS };
  return { low: Math.max(1024, low - PORTS), high: Math.max(1027, low - 1) };
}

runService('phones', async (closers) => {
  const settings = readSettings(process.env);
  const bank = await PhoneBank.open({
    host: settings.SIP_HOST,
    port: settings.PHONES_PORT === 'free' ? 0 : settings.PHONES_PORT,
    ports: new PortPool(portsBeside(settings.RTP_PORTS), systemClock),
    clock: systemClock,
    log: createLogger('phones', settings.LOG_LEVEL),
  });
  closers.push(() => bank.close());
  return { host: bank.address.host, port: bank.address.port };
});
