/*
 * What the machine itself takes away: a thread on each core, before all others of the machine, that sleeps for 2 ms at a
 * time and sees when it was woken too late. Nothing that runs on the machine can delay it; what does is the host below.
 */
#ifndef STALLS_H
#define STALLS_H

struct stalls {
    /* A core stood still for more than 5 ms. */
    unsigned long count;
    double total_ms;
    double longest_ms;
};

/* Begins to watch, or to count anew. Without the right to real-time priority nothing is watched. */
void stalls_measure(void);
/* What was seen since then, by all cores. False when nothing is watched. */
int stalls_seen(struct stalls *seen);

#endif
