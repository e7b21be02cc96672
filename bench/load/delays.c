/* Round trips as a histogram: see delays.h. */
#include "delays.h"

#include <string.h>

/* A frame that needs longer than this to come back counts as late. */
static const double LATE_MS = 60;

void delays_clear(struct delays *delays)
{
    memset(delays, 0, sizeof *delays);
}

void delays_add(struct delays *delays, double ms)
{
    int step = ms <= 0 ? 0 : (int)(ms * STEPS_PER_MS);
    delays->steps[step < DELAY_STEPS ? step : DELAY_STEPS - 1]++;
    delays->count++;
    if (ms > LATE_MS)
        delays->late++;
    if (ms > delays->max_ms)
        delays->max_ms = ms;
}

double delays_at(const struct delays *delays, double share)
{
    unsigned long wanted = (unsigned long)((double)delays->count * share);
    unsigned long seen = 0;
    for (int step = 0; step < DELAY_STEPS; step++) {
        seen += delays->steps[step];
        if (seen > wanted)
            return (double)(step + 1) / STEPS_PER_MS;
    }
    return delays->max_ms;
}
