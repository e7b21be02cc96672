/**
 * A developer's application as a process of its own, to be killed: forked with a port and a file, it takes WebSocket
 * streams and writes each message down before it looks at the next. Told to, it kills itself after the n-th media message:
 * as suddenly as SIGKILL, but between two messages, when it has read all that it was sent.
 */
import { appendFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const [port = '0', file = '', dieAt = '0'] = process.argv.slice(2);
/** Less than the time between two messages. */
const QUIET_MS = 5;
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port) });
let media = 0;
let death: NodeJS.Timeout | undefined;

server.on('listening', () => process.send?.('ready'));
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const text = data.toString();
    appendFileSync(file, `${text}\n`);
    if (!text.startsWith('{"event":"media"')) return;
    media += 1;
    if (Number(dieAt) === 0 || media < Number(dieAt)) return;
    clearTimeout(death);
    death = setTimeout(() => process.kill(process.pid, 'SIGKILL'), QUIET_MS);
  });
});
