/**
 * SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966). Inside the stack a URI stays the text it came
 * as; it is parsed where a host, a user or a parameter is wanted.
 */
import { isIPv6 } from 'node:net';
import type { SipUri } from '../sip-call.ts';
import { parseDigits, parseParameters } from './text.ts';

export interface ParsedUri extends SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel';
}

/** The scheme in lower case, '' when there is none. */
export function schemeOf(text: string): string {
  const colon = text.indexOf(':');
  return colon < 0 ? '' : text.slice(0, colon).toLowerCase();
}

/** Parses; the user is unescaped, a password is dropped. Null when it is no URI of ours. */
export function parseUri(text: string): ParsedUri | null {
  const scheme = schemeOf(text);
  const rest = text.slice(scheme.length + 1);
  if (scheme === 'tel') return parseTel(rest);
  if (scheme !== 'sip' && scheme !== 'sips') return null;
  const question = rest.indexOf('?', Math.max(0, rest.indexOf('@')));
  const main = question < 0 ? rest : rest.slice(0, question);
  const at = main.lastIndexOf('@');
  const hostPart = main.slice(at + 1);
  const semicolon = hostPart.indexOf(';');
  const hostPort = parseHostPort(semicolon < 0 ? hostPart : hostPart.slice(0, semicolon));
  const parameters = semicolon < 0 ? new Map<string, string>() : parseParameters(hostPart, semicolon);
  if (!hostPort || !parameters || at === 0) return null;
  return {
    scheme,
    user: at < 0 ? null : userOf(main.slice(0, at)),
    host: hostPort.host,
    port: hostPort.port,
    parameters: Object.fromEntries(parameters),
  };
}

function userOf(userinfo: string): string {
  const colon = userinfo.indexOf(':');
  return unescaped(colon < 0 ? userinfo : userinfo.slice(0, colon));
}

function parseTel(rest: string): ParsedUri | null {
  const semicolon = rest.indexOf(';');
  const number = semicolon < 0 ? rest : rest.slice(0, semicolon);
  const parameters = semicolon < 0 ? new Map<string, string>() : parseParameters(rest, semicolon);
  if (number === '' || !parameters) return null;
  const parsed = Object.fromEntries(parameters);
  return { scheme: 'tel', user: unescaped(number), host: '', port: null, parameters: parsed };
}

export interface HostPort {
  readonly host: string;
  readonly port: number | null;
}

/** `host`, `host:port`, `[v6]:port`; the host comes back without brackets. */
export function parseHostPort(text: string): HostPort | null {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) {
    const close = trimmed.indexOf(']');
    const host = trimmed.slice(1, close);
    if (close < 0 || !isIPv6(host)) return null;
    return withPort(host, trimmed.slice(close + 1));
  }
  const colon = trimmed.indexOf(':');
  const host = colon < 0 ? trimmed : trimmed.slice(0, colon).trimEnd();
  return isHostName(host) ? withPort(host, colon < 0 ? '' : trimmed.slice(colon)) : null;
}

function withPort(host: string, suffix: string): HostPort | null {
  if (suffix === '') return { host, port: null };
  if (!suffix.startsWith(':')) return null;
  const port = parseDigits(suffix.slice(1).trim(), 65_535);
  return port === null ? null : { host, port };
}

function isHostName(host: string): boolean {
  if (host.length === 0 || host.length > 253) return false;
  for (let at = 0; at < host.length; at++) {
    const code = host.charCodeAt(at);
    const letter = (code | 32) >= 97 && (code | 32) <= 122;
    const digit = code >= 48 && code <= 57;
    if (!letter && !digit && code !== 45 && code !== 46 && code !== 95) return false;
  }
  return true;
}

/** An address or name as it stands in a URI or a Via. */
export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function unescaped(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The user part as it may stand in a URI (RFC 3261 §25.1 `user`). */
export function escapeUser(user: string): string {
  return encodeURIComponent(user).replace(/%(2B|26|3D|24|2C|3B|3F|2F)/g, (escaped) => decodeURIComponent(escaped));
}
