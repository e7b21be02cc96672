/** `npm start`: makes the clone ready and starts the whole system. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('shared/launch/main.js');
