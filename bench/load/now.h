/* The time (CLOCK_MONOTONIC, as Node's `process.hrtime`) in milliseconds. */
#ifndef NOW_H
#define NOW_H

#include <time.h>

static inline double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

#endif
