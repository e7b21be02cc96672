/**
 * For authors of applications, as `pivot-streams/verify-signature`: whether a WebSocket upgrade or a webhook came from
 * us. Depends on nothing but Node. Described in docs/streams.md, "Checking that it is us".
 */
export { REPLAY_WINDOW_MS, type SignedRequest, verifySignature, verifyTwilioSignature } from './signature.ts';
