/** A CPU for each worker thread: which one, and that nothing but the thread is kept there. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ExpectedFailure } from '../../../shared/kernel/expected-failure.ts';
import { readSettings, SettingsError } from '../../../shared/settings.ts';
import { cpuOfThread, keepTo } from '../../../worker/thread-cpu.ts';

const allowed = (task: string): string =>
  /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${task}/status`, 'utf8'))?.[1] ?? '';

const listOf = (text: string) =>
  readSettings({ ACCOUNT_SID: `AC${'0'.repeat(32)}`, AUTH_TOKEN: 'a'.repeat(16), THREAD_CPUS: text }).THREAD_CPUS;

describe('the CPU of a thread', () => {
  it('is the next of the list, from the first again when there are more threads', () => {
    assert.deepEqual(listOf('2,5-7'), [2, 5, 6, 7]);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((index) => cpuOfThread(index, [2, 5, 6, 7])),
      [2, 5, 6, 7, 2],
    );
    assert.equal(listOf(''), undefined);
  });

  it('is one of those the process may use', () => {
    assert.equal(listOf('all'), 'all');
    const first = Number.parseInt(allowed('self'), 10);
    assert.equal(cpuOfThread(0, 'all'), first);
  });

  it('is said in numbers', () => {
    for (const text of ['one', '1;2', '3-1', '-1', '0x1']) {
      assert.throws(
        () => listOf(text),
        (error) => error instanceof SettingsError && /THREAD_CPUS/.test(error.message),
        text,
      );
    }
  });

  it('is its own alone: the other threads stay where they were', () => {
    const cpu = Number.parseInt(allowed('self'), 10);
    const others = () =>
      readdirSync('/proc/self/task')
        .filter((thread) => Number(thread) !== process.pid)
        .map((thread) => allowed(`self/task/${thread}`));
    const before = new Set(others());
    keepTo(cpu);
    assert.equal(allowed('thread-self'), String(cpu));
    assert.deepEqual(new Set(others()), before);
  });

  it('that is not there is a fault with its name', () => {
    assert.throws(
      () => keepTo(9999),
      (error) => error instanceof ExpectedFailure && /CPU 9999/.test(error.message),
    );
  });
});
