/** `npm run demo`: makes the clone ready and places one real call. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('examples/demo/main.js');
