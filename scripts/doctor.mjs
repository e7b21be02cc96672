/** `npx pivot-streams doctor`: looks at this machine and the settings, and names what is wrong. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

// Whether there is a Redis is for the doctor to say.
await setUp({ redis: false });
handOver('worker/doctor/main.js');
