/** The drivers themselves: sipp against sipp and baresip against baresip, nothing of ours in between. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { BARESIP_HERTZ, BARESIP_USER, Baresip, baresipMissing } from '../support/baresip.ts';
import { Sipp, sippMissing } from '../support/sipp.ts';
import { toneLevel } from '../support/tone.ts';
import { readWav } from '../support/wav-samples.ts';

const optionsFor = (missing: string | null) => (missing === null ? {} : { skip: missing });

for (const transport of ['udp', 'tcp'] as const) {
  test(`sipp calls sipp over ${transport}`, optionsFor(sippMissing()), async (context) => {
    const callee = await Sipp.start(context, { scenario: 'uas-hears-bye', target: null, transport });
    const caller = await Sipp.start(context, {
      scenario: 'uac-says-bye',
      target: `127.0.0.1:${callee.port}`,
      transport,
      service: '15550100001',
      pauseMs: 200,
    });
    for (const side of [caller, callee]) {
      const outcome = await side.outcome();
      assert.equal(outcome.failed, 0, outcome.errors);
      assert.equal(outcome.succeeded, 1, outcome.errors);
    }
  });
}

test('sipp tells of a call that went wrong', optionsFor(sippMissing()), async (context) => {
  const callee = await Sipp.start(context, { scenario: 'uas-busy', target: null, transport: 'udp' });
  const target = `127.0.0.1:${callee.port}`;
  const caller = await Sipp.start(context, { scenario: 'uac-says-bye', target, transport: 'udp', service: '1' });
  const outcome = await caller.outcome();
  assert.equal(outcome.failed, 1);
  assert.match(outcome.errors, /486/);
});

test('baresip calls baresip: sine and digits both ways', optionsFor(baresipMissing()), async (context) => {
  const one = await Baresip.start(context, { codec: 'pcmu' });
  const other = await Baresip.start(context, { codec: 'pcmu' });
  one.dial(`sip:${BARESIP_USER}@127.0.0.1:${other.port}`);
  await Promise.all([one.event('CALL_ESTABLISHED'), other.event('CALL_ESTABLISHED')]);
  await one.press('12#');
  await other.press('98*');
  await other.until('three digits', (phone) => phone.digits === '12#');
  await one.until('three digits', (phone) => phone.digits === '98*');
  one.hangup();
  await other.event('CALL_CLOSED');
  await one.stop();
  const { samples, rate } = readWav(one.recording);
  assert.ok(samples.length > rate, `${samples.length} samples were recorded`);
  assert.ok(toneLevel(samples.subarray(0, rate), BARESIP_HERTZ, rate) > 0.05);
});
