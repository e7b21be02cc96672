/** A SIP peer we send calls to, from the setting `TRUNKS`. */
export interface Trunk {
  readonly name: string;
  /** Host name, address or `host:port`; a name without port is looked up by SRV (RFC 3263). */
  readonly host: string;
  readonly transport: 'udp' | 'tcp';
  /** Called numbers this trunk takes, by prefix; the longest match wins and `` matches all. */
  readonly prefixes: readonly string[];
  readonly username: string | null;
  readonly password: string | null;
}
