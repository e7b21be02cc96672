/* Round trips as a histogram: bounded memory however long the run. */
#ifndef DELAYS_H
#define DELAYS_H

#include <stdio.h>

enum { DELAY_STEPS = 40000, STEPS_PER_MS = 20 };

struct delays {
    unsigned long count;
    unsigned long late;
    double max_ms;
    unsigned steps[DELAY_STEPS];
};

void delays_clear(struct delays *delays);
void delays_add(struct delays *delays, double ms);
/* The delay that `share` of all frames do not exceed, in ms; 0 when there are none. */
double delays_at(const struct delays *delays, double share);

#endif
