/** `npm run simulate`: the control plane alone with many calls; see bench/RESULTS.md. */
import { handOver } from './setup/hand-over.mjs';
import { setUp } from './setup/index.mjs';

await setUp();
handOver('bench/simulate/main.js');
