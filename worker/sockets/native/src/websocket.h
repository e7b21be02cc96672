/*
 * WebSocket connections of the reactor, from the end of the upgrade to the last byte: the client's side of RFC 6455 without
 * extensions. Whole messages are told; pings are answered here; what the kernel does not take waits here, in order.
 */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include "framing.h"
#include "reactor.h"

/* Takes over a duplicate of a connected socket; `head` came behind the upgrade. Its number, or a negative errno. */
int websocket_adopt(struct reactor *, int descriptor, const uint8_t *head, size_t length);
/*
 * Where to write the payload of the message that `websocket_send` sends next, and how much fits; NULL when there is no
 * memory. Lent until the send.
 */
uint8_t *websocket_payload(struct reactor *, size_t least, size_t *room);
/* Masks the payload and sends it before the thread waits again. Of a socket that is gone it counts as not taken. */
void websocket_send(struct socket *, enum opcode, uint8_t *payload, size_t length);
/* Begins to read, and stops. */
void websocket_set_reading(struct socket *, bool reading);
bool is_websocket(const struct socket *);

#endif
