/**
 * Listens to a call: writes what the caller says to a WAV file and prints the level and the digits.
 * The document forks the audio and talks on; the stream is one-way (`<Start><Stream>`).
 *
 *   PORT=8080 node examples/listen.mjs      then call with url http://127.0.0.1:8080/
 */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { WebSocketServer } from 'ws';

const folder = process.env.OUT_DIR ?? '.';

const web = createServer((request, response) => {
  console.log(`document asked for: ${request.method} ${request.url}`);
  response.setHeader('Content-Type', 'text/xml');
  response.end(`<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Start>
    <Stream name="listener" url="ws://${request.headers.host}/stream" />
  </Start>
  <Say>Hello. Your voice is on its way to the listener.</Say>
  <Pause length="5" />
</Response>`);
});

new WebSocketServer({ server: web, path: '/stream' }).on('connection', (socket) => {
  let recording;
  socket.on('message', (text) => {
    const message = JSON.parse(text);
    switch (message.event) {
      case 'start':
        recording = startRecording(message.start);
        break;
      case 'media':
        recording.take(Buffer.from(message.media.payload, 'base64'));
        break;
      case 'dtmf':
        console.log(`digit ${message.dtmf.digit}`);
        break;
      case 'stop':
        console.log('the stream has stopped');
        break;
    }
  });
  socket.on('close', () => recording?.finish());
  socket.on('error', (error) => console.error(`socket: ${error.message}`));
});

/** A WAV file of 16 bit samples; its header is filled in when the length is known. */
function startRecording({ callSid, mediaFormat }) {
  const file = path.join(folder, `${callSid}.wav`);
  const out = createWriteStream(file);
  out.write(Buffer.alloc(44));
  let bytes = 0;
  let loudest = 0;
  return {
    take(audio) {
      out.write(audio);
      const before = Math.floor(bytes / 16_000);
      bytes += audio.length;
      for (let i = 0; i + 1 < audio.length; i += 2) loudest = Math.max(loudest, Math.abs(audio.readInt16LE(i)));
      if (Math.floor(bytes / 16_000) === before) return;
      console.log(`level ${'█'.repeat(Math.round((loudest / 32_768) * 40))}`);
      loudest = 0;
    },
    finish() {
      out.end(async () => {
        const handle = await open(file, 'r+');
        await handle.write(wavHeader(bytes, mediaFormat), 0, 44, 0);
        await handle.close();
        console.log(`wrote ${file}: ${(bytes / 2 / mediaFormat.sampleRate).toFixed(1)} s`);
      });
    },
  };
}

function wavHeader(bytes, { sampleRate, channels }) {
  const header = Buffer.from('RIFF....WAVEfmt ....................data....', 'latin1');
  header.writeUInt32LE(36 + bytes, 4);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.writeUInt32LE(bytes, 40);
  return header;
}

web.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`listening app: http://127.0.0.1:${web.address().port}/`);
});
