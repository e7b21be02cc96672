import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { CliProblem, readArguments } from '../../../worker/phones/cli-arguments.ts';
import { eventLine } from '../../../worker/phones/cli-lines.ts';
import { checkFiles } from '../../../worker/phones/script.ts';

const script = (...words: string[]) => {
  const request = readArguments(words);
  if (request.kind !== 'call' && request.kind !== 'wait') throw new Error('no script');
  return request.script;
};

describe('the command line of the phone', () => {
  it('reads a call with everything', () => {
    const request = readArguments(
      'call +15550200000@127.0.0.1:5060 --play a.wav --press 12#w3 --at 2.5s --record out.wav --hangup-after 1m --echo --tcp --user anna --password secret --codec pcma --no-events --from 100'.split(
        ' ',
      ),
    );
    assert.deepEqual(request, {
      kind: 'call',
      uri: 'sip:+15550200000@127.0.0.1:5060',
      script: {
        host: '127.0.0.1',
        port: 0,
        from: '100',
        transport: 'tcp',
        credentials: { username: 'anna', password: 'secret' },
        codecs: ['PCMA'],
        events: false,
        play: 'a.wav',
        toneHertz: null,
        say: null,
        press: '12#w3',
        pressAtMs: 2500,
        echo: true,
        record: 'out.wav',
        hangupAfterMs: 60_000,
        answerAfterMs: 1000,
        reject: null,
      },
    });
  });

  it('waits at a port people can remember, and rings as long as it is told', () => {
    assert.equal(script('wait').port, 5070);
    assert.equal(script('wait', '--answer-after', '300ms').answerAfterMs, 300);
    assert.equal(script('wait', '--reject', '486').reject, 486);
  });

  it('helps when asked, and when asked for nothing', () => {
    for (const words of [[], ['--help'], ['help'], ['call', '-h']]) assert.equal(readArguments(words).kind, 'help');
    assert.equal(readArguments(['numbers']).kind, 'numbers');
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['dial x@y', /there is no "phone dial"/],
    ['call', /call whom/],
    ['call nobody', /not a SIP address: nobody/],
    ['call a@b c', /not understood: c/],
    ['wait a@b', /not understood: a@b/],
    ['call a@b --press 1x', /--press takes/],
    ['call a@b --at soon', /--at takes a time/],
    ['call a@b --hangup-after 5h', /--hangup-after takes a time/],
    ['call a@b --port 70000', /--port takes a number from 0 to 65535/],
    ['call a@b --codec G729', /--codec is PCMU or PCMA/],
    ['call a@b --loud', /--loud/],
    ['wait --reject 200', /--reject takes a number from 400 to 699/],
  ];
  for (const [words, problem] of wrong) {
    it(`says what is wrong with: ${words}`, () => {
      assert.throws(
        () => readArguments(words.split(' ')),
        (error) => error instanceof CliProblem && problem.test(error.message),
      );
    });
  }

  it('looks at its files before anybody is called', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'phone-'));
    try {
      const [there, missing, elsewhere] = ['a.wav', 'b.wav', 'none/c.wav'].map((name) => path.join(folder, name));
      assert.ok(there && missing && elsewhere);
      writeFileSync(there, '');
      await checkFiles({ play: there, record: missing });
      await checkFiles({ play: null, record: there });
      await assert.rejects(checkFiles({ play: missing, record: null }), /b\.wav cannot be read/);
      await assert.rejects(checkFiles({ play: null, record: elsewhere }), /c\.wav cannot be written/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('prints what happens as a person would say it', () => {
    assert.equal(eventLine({ type: 'ringing', code: 183, earlyMedia: true }), 'ringing (183, with sound)');
    assert.equal(
      eventLine({ type: 'ended', ending: { by: 'failed', code: 486, reason: 'Busy Here' } }),
      'ended: Busy Here (486)',
    );
    assert.equal(eventLine({ type: 'digit', digit: '5', by: 'rfc4733', durationMs: 100 }), 'digit 5 (rfc4733, 100 ms)');
  });
});
