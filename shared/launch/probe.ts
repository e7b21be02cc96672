/**
 * The small HTTP server of a worker or a gateway, for whoever watches over it: /healthz answers as long as
 * the process runs, /metrics with its figures. No credentials, so it listens on loopback unless told otherwise.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import { ExpectedFailure } from '../kernel/expected-failure.ts';

export interface Probe {
  /** `host:port` as others on the network may reach it. */
  readonly address: string;
  close(): Promise<void>;
}

const REQUEST_WITHIN_MS = 5000;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `metrics` is asked for at each request. @throws when the port is taken. */
export async function openProbe(host: string, port: number, metrics: () => Promise<string>): Promise<Probe> {
  const server = createServer({ requestTimeout: REQUEST_WITHIN_MS, headersTimeout: REQUEST_WITHIN_MS });
  server.on('request', async (request, response) => {
    // A connection a scrape: nothing of a watcher stays open here.
    response.setHeader('Connection', 'close');
    const path = request.url?.split('?')[0];
    if (path === '/healthz') response.setHeader('Content-Type', 'application/json').end('{"status":"ok"}');
    else if (path !== '/metrics') response.writeHead(404).end();
    else {
      try {
        const text = await metrics();
        response.setHeader('Content-Type', CONTENT_TYPE).end(text);
      } catch {
        response.writeHead(500).end();
      }
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(taken(error, host, port)));
    server.listen(port, host, () => resolve());
  });
  return { address: addressOf(server, host), close: () => closed(server) };
}

function taken(error: Error, host: string, port: number): Error {
  if (!('code' in error) || error.code !== 'EADDRINUSE') return error;
  return new ExpectedFailure(`${host}:${port} is in use by another program: set PROBE_PORT to a free port, or to 0.`);
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? os.hostname() : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
