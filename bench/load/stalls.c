/* What the machine takes away: see stalls.h. */
#define _GNU_SOURCE
#include "stalls.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "now.h"

enum { STEP_NS = 2000000, PRIORITY = 90 };
static const double STALL_MS = 5;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stalls seen_by_all;
static int watching;

static void add(double late_ms)
{
    pthread_mutex_lock(&lock);
    seen_by_all.count++;
    seen_by_all.total_ms += late_ms;
    if (late_ms > seen_by_all.longest_ms)
        seen_by_all.longest_ms = late_ms;
    pthread_mutex_unlock(&lock);
}

static void *watch(void *core)
{
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET((size_t)core, &own);
    pthread_setaffinity_np(pthread_self(), sizeof own, &own);
    struct timespec step = {.tv_nsec = STEP_NS};
    for (;;) {
        double before = now_ms();
        clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        double late = now_ms() - before - STEP_NS / 1e6;
        if (late > STALL_MS)
            add(late);
    }
    return NULL;
}

/* Started here and not with the program: whoever pins that pins all threads it has. */
static void start(void)
{
    pthread_attr_t attributes;
    struct sched_param first = {.sched_priority = PRIORITY};
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &first);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    watching = cores > 0;
    for (long core = 0; core < cores; core++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, watch, (void *)core) != 0)
            watching = 0;
    }
    pthread_attr_destroy(&attributes);
}

void stalls_measure(void)
{
    if (!watching)
        start();
    pthread_mutex_lock(&lock);
    seen_by_all = (struct stalls){0};
    pthread_mutex_unlock(&lock);
}

int stalls_seen(struct stalls *seen)
{
    pthread_mutex_lock(&lock);
    *seen = seen_by_all;
    pthread_mutex_unlock(&lock);
    return watching;
}
