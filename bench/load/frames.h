/*
 * Frames that can be told apart after a round trip: 160 bytes of mu-law that carry a call's index and a
 * frame's number, in codes that survive decoding and encoding again unchanged (all but -0).
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

enum { FRAME_BYTES = 160 };

/* Fills a frame: magic, call and number, over and over. */
void frame_write(uint8_t *into, uint32_t call, uint32_t number);

/* The frame's number, or -1: silence, concealment, a mixture, or another call's. */
long frame_read(const uint8_t *payload, int length, uint32_t call);

#endif
