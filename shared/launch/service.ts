/**
 * The frame of every `main.ts`: start, say so, and end well. A service started by the launcher
 * reports over the IPC channel; one started by hand or by a supervisor prints the same line.
 *
 * SIGTERM or SIGINT closes in the reverse order of opening; a second one ends the process at once.
 * When the launcher dies, so does the service: nothing is left behind.
 */
import { yieldBackgroundThreads } from '../kernel/background-threads.ts';
import { Closers } from '../kernel/closers.ts';
import { ExpectedFailure } from '../kernel/expected-failure.ts';
import { giveBackMemory } from './give-back.ts';

/** What a service tells when it is up: addresses and ports as they really are. */
export type ServiceInfo = Readonly<Record<string, string | number | boolean>>;

/** The message a service sends to the launcher. */
export type ServiceReport = { readonly kind: 'ready'; readonly service: string; readonly info: ServiceInfo };

/** A service whose launcher is gone has this long to end: nobody would see it drain. */
const ORPHAN_MS = 1_000;

/**
 * Runs a service until a signal comes.
 *
 * @param start opens everything, pushing a closer for each thing at the moment it is opened.
 */
export function runService(service: string, start: (closers: Closers) => Promise<ServiceInfo>): void {
  yieldBackgroundThreads();
  const closers = new Closers();
  let closing = false;

  const close = (): void => {
    if (closing) process.exit(130);
    closing = true;
    void closers.close().then((errors) => {
      for (const error of errors) console.error(`${service}: while closing:`, error);
      process.exit(errors.length === 0 ? 0 : 1);
    });
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
  process.once('disconnect', () => {
    setTimeout(() => process.exit(130), ORPHAN_MS).unref();
    if (!closing) close();
  });

  start(closers).then(
    async (info) => {
      await giveBackMemory();
      const report: ServiceReport = { kind: 'ready', service, info };
      if (process.send) process.send(report);
      else console.log(`${service} is ready ${JSON.stringify(info)}`);
    },
    async (error: unknown) => {
      console.error(error instanceof ExpectedFailure ? error.message : (takenPort(error, service) ?? error));
      await closers.close();
      process.exit(1);
    },
  );
}

/** The setting that moves the port a service listens on. */
const portSettings: Readonly<Record<string, string>> = { api: 'PORT', gateway: 'SIP_PORT', phones: 'PHONES_PORT' };

/** A sentence for the commonest failure of a start; null when it is another one. */
function takenPort(error: unknown, service: string): string | null {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return null;
  const where = 'address' in error && 'port' in error ? `${error.address}:${error.port}` : 'A port';
  const setting = portSettings[service];
  const cure = setting === undefined ? '' : `: end it, or set ${setting} to a free port`;
  return `${where} is in use by another program${cure}.`;
}
