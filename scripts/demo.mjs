/** `npm run demo`: makes the clone ready and places one real call. */
import { handOver } from './setup/hand-over.mjs';
import { help } from './setup/help.mjs';
import { setUp } from './setup/index.mjs';

help(`npm run demo             places one real call on free ports, checks what was heard, and writes to demo-out/:
                         three WAV files, the timeline, and a picture of the call`);
await setUp();
handOver('examples/demo/main.js');
