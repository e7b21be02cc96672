/**
 * A small IVR: says a menu, waits for a key on a two-way stream, and goes on with the document that
 * belongs to the key. `<Connect action>` (Twilio dialect) asks for the next document when the app
 * closes the socket; the key was remembered by call.
 *
 *   PORT=8082 node examples/ivr.mjs
 *   then call with url http://127.0.0.1:8082/ and dialect twilio
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** Key pressed, by call. */
const pressed = new Map();

const twiml = (verbs) => `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${verbs}</Response>`;

const pages = {
  '/': ({ host }) =>
    twiml(`
  <Say>Press 1 for the time, 2 to hear this again, or 3 to leave.</Say>
  <Connect action="http://${host}/chosen">
    <Stream url="ws://${host}/keys" />
  </Connect>`),

  '/chosen': ({ host, callSid }) => {
    const key = pressed.get(callSid);
    pressed.delete(callSid);
    switch (key) {
      case '1':
        return twiml(`<Say>It is ${new Date().toTimeString().slice(0, 5)}.</Say><Redirect>http://${host}/</Redirect>`);
      case '2':
        return twiml(`<Redirect>http://${host}/</Redirect>`);
      default:
        return twiml('<Say>Good bye.</Say><Hangup/>');
    }
  },
};

const web = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { host } = request.headers;
  const url = new URL(request.url, `http://${host}`);
  const page = pages[url.pathname];
  if (!page) {
    response.statusCode = 404;
    response.end();
    return;
  }
  const callSid = new URLSearchParams(body).get('CallSid') ?? url.searchParams.get('CallSid');
  response.setHeader('Content-Type', 'text/xml');
  response.end(page({ host, callSid }));
});

new WebSocketServer({ server: web, path: '/keys' }).on('connection', (socket) => {
  let callSid;
  // Nobody waits for ever: ten seconds without a key ends the menu.
  const patience = setTimeout(() => socket.close(1000), 10_000);
  socket.on('message', (text) => {
    const message = JSON.parse(text);
    if (message.event === 'start') callSid = message.start.callSid;
    if (message.event !== 'dtmf') return;
    console.log(`key ${message.dtmf.digit}`);
    pressed.set(callSid, message.dtmf.digit);
    socket.close(1000);
  });
  socket.on('close', () => clearTimeout(patience));
  socket.on('error', (error) => console.error(`socket: ${error.message}`));
});

web.listen(Number(process.env.PORT ?? 8082), '127.0.0.1', () => {
  console.log(`IVR app: http://127.0.0.1:${web.address().port}/ (dialect twilio)`);
});
