/**
 * Talks back: whatever the caller says comes back half a second later. A two-way stream
 * (`<Connect><Stream>`) in the Twilio dialect: plain µ-law both ways, and a mark to learn when the
 * caller has really heard it. Press any key to silence the parrot (`clear`).
 *
 *   PORT=8081 node examples/parrot.mjs      then call with url http://127.0.0.1:8081/
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const DELAY_FRAMES = 25;

const web = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/xml');
  response.end(`<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Connect>
    <Stream url="ws://${request.headers.host}/stream" dialect="twilio" />
  </Connect>
</Response>`);
});

new WebSocketServer({ server: web, path: '/stream' }).on('connection', (socket) => {
  let streamSid;
  let heard = [];
  const send = (message) => socket.send(JSON.stringify({ streamSid, ...message }));

  socket.on('message', (text) => {
    const message = JSON.parse(text);
    switch (message.event) {
      case 'start':
        streamSid = message.streamSid;
        console.log(`talking with call ${message.start.callSid}`);
        break;
      case 'media':
        heard.push(message.media.payload);
        if (heard.length > DELAY_FRAMES) send({ event: 'media', media: { payload: heard.shift() } });
        // Once a second a bookmark: it comes back when everything before it was heard.
        if (Number(message.media.chunk) % 50 === 0)
          send({ event: 'mark', mark: { name: `second ${message.media.chunk / 50}` } });
        break;
      case 'mark':
        console.log(`heard up to ${message.mark.name}`);
        break;
      case 'dtmf':
        console.log(`digit ${message.dtmf.digit}: silence`);
        heard = [];
        send({ event: 'clear' });
        break;
    }
  });
  socket.on('close', () => console.log('the call is over'));
  socket.on('error', (error) => console.error(`socket: ${error.message}`));
});

web.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () => {
  console.log(`parrot app: http://127.0.0.1:${web.address().port}/`);
});
