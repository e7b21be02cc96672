/** `npm run chaos`: makes the clone ready and breaks the system on purpose; see docs/reliability.md. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('test/chaos/main.js');
