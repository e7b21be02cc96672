/** `npx pivot-streams phone …`: a SIP phone in the shell. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('worker/phones/cli.js');
