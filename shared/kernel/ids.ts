/**
 * Branded identifiers in Twilio's shape: two letters and 32 hex digits (PROTOCOL §0 row 29).
 * The brand keeps a stream's sid from being passed where a call's is wanted.
 */
import { randomBytes, randomInt } from 'node:crypto';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type AccountSid = Branded<'AccountSid'>;
export type CallSid = Branded<'CallSid'>;
export type StreamSid = Branded<'StreamSid'>;
/** One worker thread, for as long as it lives: `<host>-<pid>-<thread>-<random>`. */
export type OwnerId = Branded<'OwnerId'>;
/** One gateway process address; stable over restarts. */
export type GatewayId = Branded<'GatewayId'>;
/** One far party of a call. The first is always `a`. */
export type LegId = Branded<'LegId'>;

/** Ownership counter of a call: higher is newer. A write with an old one is refused. */
export type Epoch = number & { readonly [brand]: 'Epoch' };

/** Which offer within a call's dialog a letter is about. */
export type OfferNumber = number & { readonly [brand]: 'OfferNumber' };

const sid = (prefix: string): string => prefix + randomBytes(16).toString('hex');

export const newAccountSid = (): AccountSid => sid('AC') as AccountSid;
export const newCallSid = (): CallSid => sid('CA') as CallSid;
export const newStreamSid = (): StreamSid => sid('MZ') as StreamSid;

/** Drawn, not counted: the next process of either side must not give it to another offer. */
export const newOfferNumber = (): OfferNumber => randomInt(2 ** 47) as OfferNumber;

/** The leg every call has: the party that called us or that we called. */
export const FIRST_LEG = 'a' as LegId;

const shape = (prefix: string): RegExp => new RegExp(`^${prefix}[0-9a-f]{32}$`);
const accountShape = shape('AC');
const callShape = shape('CA');
const streamShape = shape('MZ');

export const isAccountSid = (text: string): text is AccountSid => accountShape.test(text);
export const isCallSid = (text: string): text is CallSid => callShape.test(text);
export const isStreamSid = (text: string): text is StreamSid => streamShape.test(text);
