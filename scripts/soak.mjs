/** `npm run soak`: makes the clone ready and lets calls come and go for minutes; see docs/reliability.md. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('test/soak/main.js');
