/** Where our side's sound is, by the owner's session description; the gateway reads no more of it, and nothing of the far end's. */
export interface MediaPlace {
  readonly address: string;
  readonly port: number;
}

export interface OwnDescription extends MediaPlace {
  /** Of `o=`: it grows with each description (RFC 3264 §8). */
  readonly version: number;
}

/** Null when it has no sound. */
export function ownDescription(sdp: string): OwnDescription | null {
  const version = /^o=\S+ \S+ (\d+)/m.exec(sdp)?.[1];
  const address = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1];
  const port = Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
  if (version === undefined || address === undefined || port === 0) return null;
  return { address, port, version: Number(version) };
}

export const isSamePlace = (one: MediaPlace, other: MediaPlace): boolean =>
  one.address === other.address && one.port === other.port;
