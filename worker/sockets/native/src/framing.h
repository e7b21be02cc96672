/*
 * Frames of RFC 6455 as a client reads and writes them. Pure: bytes in, bytes out, no socket and no state.
 */
#ifndef FRAMING_H
#define FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opcode {
    OP_CONTINUATION = 0,
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
};

/* Rules a peer can break. The numbers are known to native-web-socket.ts. */
enum violation {
    VIOLATION_NONE = 0,
    VIOLATION_RSV = 1,
    VIOLATION_OPCODE = 2,
    VIOLATION_FIN = 3,
    VIOLATION_CONTROL_LENGTH = 4,
    VIOLATION_MASK = 5,
    VIOLATION_MESSAGE_LENGTH = 6,
    VIOLATION_FRAGMENTS = 7,
    VIOLATION_UTF8 = 8,
    VIOLATION_CLOSE_CODE = 9,
};

enum {
    MAX_FRAME_HEADER = 14,
    MASK_BYTES = 4,
    MAX_CONTROL_BYTES = 125,
    MAX_MESSAGE_BYTES = 1 << 20,
    MAX_FRAGMENTS = 1024,
};

struct frame {
    uint8_t opcode;
    bool final;
    size_t header;
    size_t length;
};

/*
 * Reads the head of an unmasked frame (§5.2); `in_message`: the frames before it left a message open.
 * 1: here it is; 0: more bytes are needed; negative: a broken rule.
 */
int frame_read(const uint8_t *bytes, size_t length, bool in_message, struct frame *frame);

/* Writes the head of a final, masked frame; its length. */
size_t frame_head(uint8_t *to, enum opcode opcode, size_t length, const uint8_t mask[MASK_BYTES]);

/* Masks `length` bytes (§5.3); `to` may be `from`, or lie before it. */
void frame_mask(uint8_t *to, const uint8_t *from, size_t length, const uint8_t mask[MASK_BYTES]);

bool is_ascii(const uint8_t *bytes, size_t length);

/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
bool is_utf8(const uint8_t *bytes, size_t length);

/* Codes that may stand in a close frame (§7.4). */
bool is_close_code(int code);

#endif
