/** Native sockets belong to a thread: each has its own, and however it ends, they end with it and nobody else's do. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FrameServer, frame } from '../../support/frame-server.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { openClient } from '../../support/web-socket-client.ts';

const native = everySockets.filter(({ kind }) => kind === 'native');
const program = new URL(`../../support/sockets-thread${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url);

for (const sockets of native)
  describe('native sockets of threads', () => {
    let server: FrameServer;
    before(async () => {
      server = await FrameServer.listen();
    });
    after(() => server.close());

    async function threadThat(end: 'close' | 'exit' | 'terminate'): Promise<void> {
      const arrival = server.next();
      const thread = new Worker(program, { workerData: { end, url: server.url } });
      const exit = once(thread, 'exit');
      await once(thread, 'message');
      const far = await arrival;
      far.resume();
      if (end === 'terminate') void thread.terminate();
      await exit;
      if (!far.closed) await once(far, 'close');
    }

    it('end with their thread, however it ends, and leave those of another alone', async () => {
      const arrival = server.next();
      const client = await openClient(server.url, sockets);
      const far = await arrival;
      await threadThat('close');
      const descriptors = readdirSync('/proc/self/fd').length;
      for (const end of ['close', 'exit', 'terminate', 'exit', 'terminate'] as const) await threadThat(end);
      assert.ok(readdirSync('/proc/self/fd').length <= descriptors);
      far.write(frame(1, Buffer.from('still here')));
      while (client.messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(client.messages, ['still here']);
      client.socket.terminate();
    });
  });
