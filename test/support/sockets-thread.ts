/** A thread with native sockets of its own that ends as it is told: by closing them, by `process.exit`, or by being terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { openMediaSockets } from '../../worker/sockets/media-sockets.ts';
import { freePorts } from './free-ports.ts';

const { end, url } = workerData as { readonly end: 'close' | 'exit' | 'terminate'; readonly url: string };
const { openClient } = await import('./web-socket-client.ts');

const sockets = openMediaSockets('native');
const delegate = { onDatagram: () => {}, onError: () => {} };
const port = await freePorts(2);
const socket = await sockets.bind('127.0.0.1', port, delegate);
socket.send(Buffer.from('x'), { address: '127.0.0.1', port });
const client = await openClient(url, sockets);
client.socket.sendText('said before the end');
parentPort?.postMessage('open');
if (end === 'close') sockets.close();
if (end === 'exit') setImmediate(() => process.exit(0));
