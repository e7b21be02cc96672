/* SHA-1 of a short text (RFC 3174), which the WebSocket handshake asks for and nothing else here. */
#ifndef SHA1_H
#define SHA1_H

#include <stddef.h>
#include <stdint.h>

/* At most 119 bytes. */
void sha1_short(const char *text, size_t length, uint8_t digest[20]);

#endif
