/**
 * A developer's application as a process of its own, to be killed: forked with a port and a file, it takes WebSocket
 * streams and writes each message down before it looks at the next. Told to, it kills itself at the n-th media message:
 * as suddenly as SIGKILL, and at a moment when it has read all that it was sent.
 */
import { appendFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const [port = '0', file = '', dieAt = '0'] = process.argv.slice(2);
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port) });
let media = 0;

server.on('listening', () => process.send?.('ready'));
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const text = data.toString();
    appendFileSync(file, `${text}\n`);
    if (!text.startsWith('{"event":"media"')) return;
    media += 1;
    if (media === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  });
});
