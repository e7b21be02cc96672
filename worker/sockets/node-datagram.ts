/** UDP by `node:dgram`: everywhere, and where the addon is not. */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { isIP } from 'node:net';
import { type BindDatagram, RECEIVE_BUFFER_BYTES } from './datagram.ts';

/** Targets are numeric, so that no packet waits for a resolver; what is bound to may be a name. */
const lookup: NonNullable<dgram.SocketOptions['lookup']> = (host, options, callback) => {
  const family = isIP(host);
  if (family !== 0) callback(null, host, family);
  else dns.lookup(host, options, callback);
};

export const bindNodeDatagram: BindDatagram = (host, port, delegate) => {
  const socket = dgram.createSocket({
    type: isIP(host) === 6 ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup,
  });
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off('error', onError);
      socket.on('message', (bytes, source) => delegate.onDatagram(bytes, source));
      socket.on('error', (error) => delegate.onError(error));
      let open = true;
      resolve({
        send: (bytes, to) => {
          if (open) socket.send(bytes, to.port, to.address);
        },
        close: () => {
          if (open) socket.close();
          open = false;
        },
      });
    });
  });
};
