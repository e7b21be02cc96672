/** Both ways audio reaches the network: whatever is promised of one is asked of the other. */
import { type MediaSockets, nodeSockets, openMediaSockets } from '../../worker/sockets/media-sockets.ts';

/** The addon is for Linux; there it has to be built, and a test that finds it missing fails. */
export const everySockets: readonly MediaSockets[] =
  process.platform === 'linux' ? [nodeSockets, openMediaSockets('native')] : [nodeSockets];
