/** `npm start`: makes the clone ready and starts the whole system. */
import { handOver } from './setup/hand-over.mjs';
import { help } from './setup/help.mjs';
import { setUp } from './setup/index.mjs';

help(`npm start                starts everything on this machine; Ctrl-C ends it

Settings are environment variables; .env.example lists them. Those that are wanted most:
  PORT=0                 the API, 3000 if absent; 0 is any free port
  SIP_PORT=5060          the gateway
  PHONES_PORT=5080       the phone bank; 0 is none
  DATA_DIR=.data         Redis and the drawn credentials`);
await setUp();
handOver('shared/launch/main.js');
