/* Numbered frames: see frames.h. */
#include "frames.h"

#include <string.h>

enum { MAGIC = 4, DIGITS = 4, FIELD = MAGIC + 2 * DIGITS, BASE = 64, FIRST_CODE = 0x80, FILLER = 0xd5 };

static const uint8_t magic[MAGIC] = {0x11, 0x91, 0x22, 0xa2};

static void write_number(uint8_t *into, uint32_t value)
{
    for (int i = DIGITS - 1; i >= 0; i--) {
        into[i] = (uint8_t)(FIRST_CODE + value % BASE);
        value /= BASE;
    }
}

static uint32_t read_number(const uint8_t *from)
{
    uint32_t value = 0;
    for (int i = 0; i < DIGITS; i++)
        value = value * BASE + (uint32_t)(from[i] - FIRST_CODE);
    return value;
}

void frame_write(uint8_t *into, uint32_t call, uint32_t number)
{
    int at = 0;
    for (; at + FIELD <= FRAME_BYTES; at += FIELD) {
        memcpy(into + at, magic, MAGIC);
        write_number(into + at + MAGIC, call);
        write_number(into + at + MAGIC + DIGITS, number);
    }
    memset(into + at, FILLER, (size_t)(FRAME_BYTES - at));
}

long frame_read(const uint8_t *payload, int length, uint32_t call)
{
    for (int at = 0; at + FIELD <= length; at++) {
        if (memcmp(payload + at, magic, MAGIC) != 0 || read_number(payload + at + MAGIC) != call)
            continue;
        return (long)read_number(payload + at + MAGIC + DIGITS);
    }
    return -1;
}
