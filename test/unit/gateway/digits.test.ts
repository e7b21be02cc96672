/** Digits in SIP INFO. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readInfoDigit } from '../../../worker/gateway/digits.ts';

describe('a digit in an INFO', () => {
  const cases: readonly (readonly [string, string, { digit: string; durationMs: number } | null])[] = [
    ['application/dtmf-relay', 'Signal=5\r\nDuration=250\r\n', { digit: '5', durationMs: 250 }],
    ['application/dtmf-relay', 'Signal= *\nDuration= 100', { digit: '*', durationMs: 100 }],
    ['Application/DTMF-Relay; charset=utf-8', 'signal=11', { digit: '#', durationMs: 160 }],
    ['application/dtmf', '7', { digit: '7', durationMs: 160 }],
    ['application/dtmf', 'd\r\n', { digit: 'D', durationMs: 160 }],
    ['application/dtmf-relay', 'Signal=5\r\nDuration=999999', { digit: '5', durationMs: 10_000 }],
    ['application/dtmf-relay', '\r\n  Signal = 5\r\n\tDuration\t=\t250', { digit: '5', durationMs: 250 }],
    ['application/dtmf-relay', 'Signal=55', null],
    ['application/dtmf-relay', 'Signal\n=\n5', null],
    ['application/dtmf', '', null],
    ['text/plain', '5', null],
    ['application/media_control+xml', '<x/>', null],
  ];
  for (const [type, body, digit] of cases) {
    it(`${type} ${JSON.stringify(body)}`, () => assert.deepEqual(readInfoDigit(type, body), digit));
  }

  it('is not looked for in a body that is longer than any digit', () => {
    assert.equal(readInfoDigit('application/dtmf-relay', `Signal=5${'\r\n'.repeat(200)}`), null);
    assert.equal(readInfoDigit('application/dtmf', '\n'.repeat(200_000)), null);
  });
});
