/** A gateway on a free port comes back on the port it had. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listenAgain } from '../../../worker/gateway/listen-again.ts';
import type { SipUserAgent } from '../../../worker/sip/sip-call.ts';
import { ScriptedSip } from '../../support/scripted-sip.ts';

describe('listening again', () => {
  let folder = '';
  let asked: number[] = [];
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'listen-'));
    asked = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A stack whose free port is 40000 and on which `taken` is taken. */
  const listen =
    (taken: number | null = null) =>
    async (port: number): Promise<SipUserAgent> => {
      asked.push(port);
      if (port === taken) throw new Error('EADDRINUSE');
      return Object.assign(new ScriptedSip(), { address: { host: '127.0.0.1', port: port || 40_000 } });
    };

  it('takes a set port as it is, and fails when that is taken', async () => {
    await listenAgain(5060, folder, listen());
    await assert.rejects(listenAgain(5060, folder, listen(5060)), /EADDRINUSE/);
    assert.deepEqual(asked, [5060, 5060]);
  });

  it('takes a free port once and the same one from then on', async () => {
    await listenAgain(0, folder, listen());
    await listenAgain(0, folder, listen());
    assert.deepEqual(asked, [0, 40_000]);
  });

  it('takes another one when somebody else has it by now', async () => {
    await listenAgain(0, folder, listen());
    const ua = await listenAgain(0, folder, listen(40_000));
    assert.deepEqual(asked, [0, 40_000, 0]);
    assert.equal(ua.address.port, 40_000);
  });

  it('does not trust what is in the file', async () => {
    writeFileSync(path.join(folder, 'gateway.port'), 'not a port');
    await listenAgain(0, folder, listen());
    await listenAgain(0, path.join(folder, 'nowhere'), listen());
    assert.deepEqual(asked, [0, 0]);
  });
});
