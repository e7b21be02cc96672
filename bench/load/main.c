/*
 * The load of the benchmark: phones that answer every call, their sound, and the app behind the streams, in one thread,
 * so that they use as little as possible of the machine that is being measured. Told what to do by lines on standard input:
 *
 *   hold MS     the phones' packets are held back              measure   begin to count
 *   stall MS    what the app sends back is held back           window    what was measured since the last one
 *   tell        silent phones; answers and the first           stop      report and go on
 *               media of streams are told as they come         stalls    how the machine itself stood still meanwhile
 *   deaf        the app reads nothing any more                  hear      it reads again
 *   narrow      the kernel keeps little of what is not read
 *
 * Ends with its standard input.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "app.h"
#include "phones.h"
#include "signalling.h"
#include "stalls.h"

enum { EVENTS = 256, TICK_NS = 1000000, LINE = 128, STILL_COMING_TICKS = 500 };

static int report_in;

static void begin_to_measure(void)
{
    phones_measure();
    stalls_measure();
}

static void tell_stalls(void)
{
    struct stalls seen;
    int watched = stalls_seen(&seen);
    printf("{\"kind\":\"stalls\",\"watched\":%s,\"count\":%lu,\"total\":%.1f,\"longest\":%.1f}\n",
        watched ? "true" : "false", seen.count, seen.total_ms, seen.longest_ms);
}

static void obey(const char *line)
{
    int number = 0;
    if (sscanf(line, "hold %d", &number) == 1)
        phones_hold(number);
    else if (sscanf(line, "stall %d", &number) == 1)
        app_hold(number);
    else if (strcmp(line, "tell") == 0) {
        signalling_tell();
        app_tell();
    } else if (strcmp(line, "measure") == 0)
        begin_to_measure();
    else if (strcmp(line, "window") == 0)
        phones_window();
    else if (strcmp(line, "deaf") == 0)
        app_listen(0);
    else if (strcmp(line, "narrow") == 0)
        app_narrow();
    else if (strcmp(line, "hear") == 0)
        app_listen(1);
    else if (strcmp(line, "stalls") == 0)
        tell_stalls();
    else if (strcmp(line, "stop") == 0) {
        phones_stop();
        report_in = STILL_COMING_TICKS;
    }
    fflush(stdout);
}

static void read_orders(void)
{
    static char text[4096];
    static size_t filled;
    ssize_t got = read(STDIN_FILENO, text + filled, sizeof text - 1 - filled);
    if (got <= 0)
        exit(0);
    filled += (size_t)got;
    text[filled] = 0;
    char *at = text;
    for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = 0;
        obey(at);
    }
    filled -= (size_t)(at - text);
    memmove(text, at, filled);
}

static void tick(int timer)
{
    uint64_t times = 0;
    if (read(timer, &times, sizeof times) != sizeof times)
        return;
    phones_tick();
    app_tick();
    if (report_in == 0 || (report_in -= (int)times) > 0)
        return;
    report_in = 0;
    phones_report();
    fflush(stdout);
}

static void watch(int epoll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int main(void)
{
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    int epoll = epoll_create1(0);
    int app = app_open(epoll), sound = phones_open(), sip = signalling_open(sound);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
    timerfd_settime(timer, 0, &every, NULL);
    watch(epoll, timer);
    watch(epoll, phones_socket());
    watch(epoll, signalling_socket());
    watch(epoll, STDIN_FILENO);
    printf("{\"kind\":\"ready\",\"app\":%d,\"sip\":%d}\n", app, sip);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int descriptor = events[i].data.fd;
            if (descriptor == timer)
                tick(timer);
            else if (descriptor == phones_socket())
                phones_receive();
            else if (descriptor == signalling_socket())
                signalling_receive();
            else if (descriptor == STDIN_FILENO)
                read_orders();
            else
                app_ready(descriptor);
        }
    }
}
