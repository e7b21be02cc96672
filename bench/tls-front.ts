/**
 * TLS before the load's app, which speaks none: a process of its own that passes bytes to the app's port and back, so that
 * its part of the encryption counts as load. `node tls-front.js APP_PORT CERT KEY`; says its port and ends with its standard input.
 */
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const [appPort, cert = '', key = ''] = process.argv.slice(2);

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key), noDelay: true }, (outside) => {
  const inside = net.connect({ port: Number(appPort), host: '127.0.0.1', noDelay: true });
  outside.pipe(inside).pipe(outside);
  // Either end may go first at the end of a run.
  outside.on('error', () => inside.destroy());
  inside.on('error', () => outside.destroy());
});
server.listen(0, '127.0.0.1', 512, () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on('end', () => process.exit(0));
