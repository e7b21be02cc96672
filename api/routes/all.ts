/** Every operation of the API, in the order the documentation shows them. */
import type { Endpoint } from '../endpoint.ts';
import { twilioStreamEndpoints } from '../twilio/streams.ts';
import { callEndpoints } from './calls.ts';
import { documentEndpoints } from './documents.ts';
import { eventEndpoints } from './events.ts';
import { healthEndpoints } from './health.ts';
import { numberEndpoints } from './numbers.ts';
import { selfEndpoints } from './self.ts';
import { streamEndpoints } from './streams.ts';

export const endpoints: readonly Endpoint[] = [
  ...callEndpoints,
  ...eventEndpoints,
  ...streamEndpoints,
  ...numberEndpoints,
  ...documentEndpoints,
  ...healthEndpoints,
  ...twilioStreamEndpoints,
  ...selfEndpoints,
];
