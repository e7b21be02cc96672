/**
 * The developer's side of the benchmark, a process of its own: sends each media payload back as it came.
 * What was held while the socket opened comes in one burst and is not sent back: played later, it would
 * delay everything behind it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** The first message that is sent back: two seconds of audio may have been held. */
const ECHO_FROM = 125;

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
let firstMedia = 0;

sockets.on('connection', (socket, request) => {
  // Only a two-way stream is sent anything back.
  if (request.url !== '/two-way') {
    socket.on('message', () => {});
    socket.on('error', () => {});
    return;
  }
  let prefix = '';
  let seen = 0;
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) return;
    const text = data.toString('latin1');
    if (text.startsWith('{"event":"media"')) {
      if (seen++ === 0) firstMedia++;
      if (seen < ECHO_FROM) return;
      const at = text.indexOf('"payload":"') + 11;
      socket.send(`${prefix}${text.slice(at, text.indexOf('"', at))}"}}`);
    } else if (text.includes('"event":"start"')) {
      const { streamSid } = JSON.parse(text) as { streamSid: string };
      prefix = `{"event":"media","streamSid":"${streamSid}","media":{"payload":"`;
    }
  });
  socket.on('error', () => {});
});

server.listen(0, '127.0.0.1', () => process.send?.({ kind: 'ready', port: (server.address() as AddressInfo).port }));
process.on('message', () => process.send?.({ kind: 'count', firstMedia }));
process.once('disconnect', () => process.exit(0));
