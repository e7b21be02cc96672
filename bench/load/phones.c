/* The sound of many phones: see phones.h. */
#define _GNU_SOURCE
#include "phones.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "delays.h"
#include "frames.h"

enum {
    HEADER = 12,
    PACKET = HEADER + FRAME_BYTES,
    MAX_PHONES = 4096,
    MAX_FRAMES = 50 * 900,
    PHASES = 10,
    FRAME_NS = 20000000,
    BATCH = 64,
    BUFFER_BYTES = 16 << 20,
};

struct phone {
    int remote_port;
    uint32_t frame;
    /* First and last frame that counts. */
    uint32_t from, to;
    unsigned long returned;
    /* When each frame was sent, in ns; 0 once it is back. */
    int64_t *sent_at;
};

static int media = -1;
static struct phone phones[MAX_PHONES];
static int count;
static int by_port[65536];
static int64_t began, held_until;
static int64_t turn;
static struct delays all, window;
static unsigned long foreign;
static int measuring;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int phones_socket(void)
{
    return media;
}

int phones_open(void)
{
    int on = 1, bytes = BUFFER_BYTES;
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    media = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    /* As root beyond the system's bound, else as far as it goes. */
    if (setsockopt(media, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(media, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(media, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (bind(media, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    getsockname(media, (struct sockaddr *)&address, &length);
    began = now_ns();
    return ntohs(address.sin_port);
}

void phones_add(int remote_port)
{
    if (count == MAX_PHONES)
        return;
    struct phone *phone = &phones[count++];
    memset(phone, 0, sizeof *phone);
    phone->remote_port = remote_port;
    phone->from = phone->to = UINT32_MAX;
    phone->sent_at = calloc(MAX_FRAMES, sizeof *phone->sent_at);
    by_port[remote_port] = count;
}

void phones_move(int old_port, int new_port)
{
    int place = by_port[old_port];
    if (place == 0)
        return;
    phones[place - 1].remote_port = new_port;
    by_port[old_port] = 0;
    by_port[new_port] = place;
}

static void build(struct phone *phone, uint8_t *packet)
{
    uint32_t index = (uint32_t)(phone - phones);
    uint32_t timestamp = htonl(phone->frame * FRAME_BYTES), ssrc = htonl(0x10000000u + index);
    packet[0] = 0x80;
    packet[1] = 0;
    packet[2] = (uint8_t)(phone->frame >> 8);
    packet[3] = (uint8_t)phone->frame;
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    frame_write(packet + HEADER, index, phone->frame);
}

/* The frames of one phase, as few calls of the kernel as possible. */
static void send_phase(int phase)
{
    static uint8_t packets[BATCH][PACKET];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in addresses[BATCH];
    int filled = 0;
    for (int i = phase; i < count; i += PHASES) {
        struct phone *phone = &phones[i];
        if (phone->frame < MAX_FRAMES) {
            build(phone, packets[filled]);
            phone->sent_at[phone->frame++] = now_ns();
            addresses[filled] = loopback(phone->remote_port);
            parts[filled] = (struct iovec){.iov_base = packets[filled], .iov_len = PACKET};
            messages[filled] = (struct mmsghdr){.msg_hdr = {.msg_name = &addresses[filled],
                .msg_namelen = sizeof addresses[0], .msg_iov = &parts[filled], .msg_iovlen = 1}};
            filled++;
        }
        if (filled == BATCH || (filled > 0 && i + PHASES >= count)) {
            sendmmsg(media, messages, (unsigned)filled, 0);
            filled = 0;
        }
    }
}

void phones_tick(void)
{
    int64_t now = now_ns();
    if (now < held_until)
        return;
    int64_t due = (now - began) * PHASES / FRAME_NS;
    for (; turn < due; turn++)
        send_phase((int)(turn % PHASES));
}

void phones_hold(int ms)
{
    held_until = now_ns() + ms * 1000000LL;
}

static int64_t arrival(struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_TIMESTAMPNS)
            continue;
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
        return stamp.tv_sec * 1000000000LL + stamp.tv_nsec;
    }
    return now_ns();
}

static void take(const uint8_t *packet, int length, int port, int64_t at)
{
    if (by_port[port] == 0 || length < HEADER)
        return;
    struct phone *phone = &phones[by_port[port] - 1];
    long frame = frame_read(packet + HEADER, length - HEADER, (uint32_t)(phone - phones));
    if (frame < 0 || frame >= MAX_FRAMES) {
        foreign += measuring;
        return;
    }
    int64_t sent = phone->sent_at[frame];
    if (sent == 0 || (uint32_t)frame < phone->from || (uint32_t)frame >= phone->to)
        return;
    phone->sent_at[frame] = 0;
    phone->returned++;
    double ms = (double)(at - sent) / 1e6;
    delays_add(&all, ms);
    delays_add(&window, ms);
}

void phones_receive(void)
{
    static uint8_t packets[BATCH][2048];
    static union { char bytes[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } extra[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in sources[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){.iov_base = packets[i], .iov_len = sizeof packets[i]};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &sources[i], .msg_namelen = sizeof sources[i],
            .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = extra[i].bytes,
            .msg_controllen = sizeof extra[i].bytes}};
    }
    int got = recvmmsg(media, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++)
        take(packets[i], (int)messages[i].msg_len, ntohs(sources[i].sin_port), arrival(&messages[i].msg_hdr));
}

void phones_measure(void)
{
    delays_clear(&all);
    delays_clear(&window);
    foreign = 0;
    measuring = 1;
    for (int i = 0; i < count; i++) {
        phones[i].from = phones[i].frame;
        phones[i].to = UINT32_MAX;
        phones[i].returned = 0;
    }
}

void phones_stop(void)
{
    measuring = 0;
    for (int i = 0; i < count; i++)
        phones[i].to = phones[i].frame;
}

void phones_report(void)
{
    unsigned long sent = 0, returned = 0;
    for (int i = 0; i < count; i++) {
        sent += phones[i].to - phones[i].from;
        returned += phones[i].returned;
    }
    printf("{\"kind\":\"report\",\"calls\":%d,\"sent\":%lu,\"lost\":%lu,\"late\":%lu,\"other\":%lu,"
           "\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}\n",
        count, sent, sent - returned, all.late, foreign, delays_at(&all, 0.5), delays_at(&all, 0.99), all.max_ms);
}

void phones_window(void)
{
    printf("{\"kind\":\"window\",\"frames\":%lu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}\n", window.count,
        delays_at(&window, 0.5), delays_at(&window, 0.99), window.max_ms);
    delays_clear(&window);
}
