/** `npm run bench`: makes the clone ready and measures; see bench/RESULTS.md. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('bench/main.js');
