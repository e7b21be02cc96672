/**
 * What `wss:` connections trust and show: the system's authorities, one more of the operator's, and a
 * certificate of our own for applications that ask for one. Read once at start, shared by all connections.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';

/** Paths of PEM files; `key` belongs to `cert`, and neither goes without the other. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export class TlsFilesError extends ExpectedFailure {
  override readonly name = 'TlsFilesError';
}

/**
 * Null when there is nothing to read: Node's own defaults are right then.
 * @throws TlsFilesError when a file cannot be read or the three do not fit together. Says no content.
 */
export function readTls({ ca, cert, key }: TlsFiles): SecureContext | null {
  if (ca === undefined && cert === undefined && key === undefined) return null;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TlsFilesError('STREAM_CERT and STREAM_KEY: one is of no use without the other.');
  }
  const own =
    cert === undefined || key === undefined ? {} : { cert: read('STREAM_CERT', cert), key: read('STREAM_KEY', key) };
  const trusted = ca === undefined ? {} : { ca: [...rootCertificates, read('STREAM_CA', ca)] };
  try {
    return createSecureContext({ ...trusted, ...own, minVersion: 'TLSv1.2' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new TlsFilesError(`STREAM_CA, STREAM_CERT and STREAM_KEY are no certificates that fit together${code}.`);
  }
}

function read(setting: string, file: string): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new TlsFilesError(`${setting}: ${file} cannot be read.`);
  }
  if (!text.includes('-----BEGIN')) throw new TlsFilesError(`${setting}: ${file} holds nothing in PEM.`);
  return text;
}
