/* UDP sockets of the reactor: RTP and RTCP. Each datagram is a row; its source only when it changed. */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include "reactor.h"

/* Binds to a numeric host; the socket's number, or a negative errno. */
int datagram_open(struct reactor *, const char *host, int port, int receive_bytes);
/* Where to send from here on; 0, or a negative errno when the address is not a numeric one of the socket's family. */
int datagram_aim(struct socket *, const char *host, int port);
/*
 * Sends before the thread waits again, at once or not at all: 0, or the negative errno of the last one that could not be
 * sent, once. That the kernel had no room is none.
 */
int datagram_send(struct socket *, const void *bytes, size_t length);
bool is_datagram(const struct socket *);

#endif
