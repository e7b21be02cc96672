/* Frames of RFC 6455: see framing.h. */
#include "framing.h"

#include <string.h>

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127 };

static uint64_t big_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int at = 0; at < count; at++)
        value = value << 8 | bytes[at];
    return value;
}

static bool is_known(uint8_t opcode)
{
    return opcode <= OP_BINARY || (opcode >= OP_CLOSE && opcode <= OP_PONG);
}

static int broken_rule(const uint8_t *bytes, bool in_message)
{
    uint8_t opcode = bytes[0] & OPCODE, length = bytes[1] & LENGTH;
    bool is_control = opcode >= OP_CLOSE;
    bool continues = opcode == OP_CONTINUATION;
    if ((bytes[0] & RSV) != 0)
        return VIOLATION_RSV;
    if (!is_known(opcode) || (!is_control && continues != in_message))
        return VIOLATION_OPCODE;
    if (is_control && (bytes[0] & FIN) == 0)
        return VIOLATION_FIN;
    if (is_control && (length > MAX_CONTROL_BYTES || (opcode == OP_CLOSE && length == 1)))
        return VIOLATION_CONTROL_LENGTH;
    return (bytes[1] & MASKED) != 0 ? VIOLATION_MASK : VIOLATION_NONE;
}

int frame_read(const uint8_t *bytes, size_t length, bool in_message, struct frame *frame)
{
    if (length < 2)
        return 0;
    int violation = broken_rule(bytes, in_message);
    if (violation != VIOLATION_NONE)
        return -violation;
    frame->opcode = bytes[0] & OPCODE;
    frame->final = (bytes[0] & FIN) != 0;
    uint8_t short_length = bytes[1] & LENGTH;
    int extended = short_length == LENGTH_64 ? 8 : short_length == LENGTH_16 ? 2 : 0;
    frame->header = 2 + (size_t)extended;
    if (length < frame->header)
        return 0;
    uint64_t payload = extended == 0 ? short_length : big_endian(bytes + 2, extended);
    if (payload > MAX_MESSAGE_BYTES)
        return -VIOLATION_MESSAGE_LENGTH;
    frame->length = (size_t)payload;
    return 1;
}

size_t frame_head(uint8_t *to, enum opcode opcode, size_t length, const uint8_t mask[MASK_BYTES])
{
    int extended = length > UINT16_MAX ? 8 : length > MAX_CONTROL_BYTES ? 2 : 0;
    to[0] = FIN | opcode;
    to[1] = MASKED | (extended == 8 ? LENGTH_64 : extended == 2 ? LENGTH_16 : (uint8_t)length);
    for (int at = 0; at < extended; at++)
        to[2 + at] = (uint8_t)((uint64_t)length >> 8 * (extended - 1 - at));
    memcpy(to + 2 + extended, mask, MASK_BYTES);
    return 2 + (size_t)extended + MASK_BYTES;
}

void frame_mask(uint8_t *to, const uint8_t *from, size_t length, const uint8_t mask[MASK_BYTES])
{
    uint32_t half;
    memcpy(&half, mask, sizeof half);
    uint64_t whole = (uint64_t)half << 32 | half, word;
    size_t at = 0;
    for (; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, from + at, sizeof word);
        word ^= whole;
        memcpy(to + at, &word, sizeof word);
    }
    for (; at < length; at++)
        to[at] = from[at] ^ mask[at % MASK_BYTES];
}

bool is_ascii(const uint8_t *bytes, size_t length)
{
    uint64_t word, seen = 0;
    size_t at = 0;
    for (; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        seen |= word;
    }
    for (; at < length; at++)
        seen |= bytes[at];
    return (seen & 0x8080808080808080ULL) == 0;
}

/* Bytes of the character that begins here; 0 when it is none. */
static size_t character(const uint8_t *bytes, size_t length)
{
    uint8_t first = bytes[0];
    if (first < 0x80)
        return 1;
    size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || count > length)
        return 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t at = 2; at < count; at++)
        if ((bytes[at] & 0xc0) != 0x80)
            return 0;
    return count;
}

bool is_utf8(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t count = character(bytes + at, length - at);
        if (count == 0)
            return false;
        at += count;
    }
    return true;
}

bool is_close_code(int code)
{
    bool is_assigned = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
    return is_assigned || (code >= 3000 && code <= 4999);
}
