/** Connections of one call: what its session throws at the words of an app is told, and does not reach the socket or the thread. */
import type { Connect } from './connection.ts';

export function guardedConnect(connect: Connect, broke: (error: unknown) => void): Connect {
  return (order, delegate) =>
    connect(order, {
      onOpen() {
        try {
          delegate.onOpen();
        } catch (error) {
          broke(error);
        }
      },
      onText(text) {
        try {
          delegate.onText(text);
        } catch (error) {
          broke(error);
        }
      },
      onBinary(bytes) {
        try {
          delegate.onBinary(bytes);
        } catch (error) {
          broke(error);
        }
      },
      onControl() {
        try {
          delegate.onControl();
        } catch (error) {
          broke(error);
        }
      },
      onGone(loss) {
        try {
          delegate.onGone(loss);
        } catch (error) {
          broke(error);
        }
      },
    });
}
