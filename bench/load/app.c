/* The developer's side: see app.h. */
#define _GNU_SOURCE
#include "app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "now.h"
#include "sha1.h"

enum {
    MAX_SOCKETS = 65536,
    IN_BYTES = 65536,
    OUT_BYTES = 4096,
    KEPT_BYTES = 1 << 20,
    PREFIX_BYTES = 128,
    PATH_BYTES = 64,
    /* The first media message that is sent back: two seconds that were held while the socket opened may come at once. */
    ECHO_FROM = 125,
    NARROW_BYTES = 4096,
    TEXT = 1,
    BINARY = 2,
    CLOSE = 8,
    PING = 9,
    PONG = 10,
};

struct peer {
    int socket;
    int open;
    int echoes;
    unsigned seen;
    int filled;
    int heard;
    int prefix_length;
    size_t kept;
    uint8_t *held;
    char prefix[PREFIX_BYTES];
    char path[PATH_BYTES];
    uint8_t in[IN_BYTES];
};

static struct peer *peers[MAX_SOCKETS];
static int listener = -1, watcher = -1;
static double held_until;
static int holding, telling;

int app_open(int epoll)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    watcher = epoll;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        exit(1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    return ntohs(address.sin_port);
}

static void drop(struct peer *peer)
{
    close(peer->socket);
    peers[peer->socket] = NULL;
    free(peer->held);
    free(peer);
}

static void greet(void)
{
    for (;;) {
        int on = 1, socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (socket < 0)
            return;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct peer *peer = calloc(1, sizeof *peer);
        peer->socket = socket;
        peers[socket] = peer;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
        epoll_ctl(watcher, EPOLL_CTL_ADD, socket, &event);
    }
}

static void base64(const uint8_t *from, int length, char *into)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < length; i += 3) {
        uint32_t bits = (uint32_t)from[i] << 16 | (i + 1 < length ? (uint32_t)from[i + 1] << 8 : 0) | (i + 2 < length ? from[i + 2] : 0);
        *into++ = letters[bits >> 18];
        *into++ = letters[bits >> 12 & 63];
        *into++ = i + 1 < length ? letters[bits >> 6 & 63] : '=';
        *into++ = i + 2 < length ? letters[bits & 63] : '=';
    }
    *into = 0;
}

/* Answers the upgrade once all of it is here; the bytes it took, or 0. */
static int upgrade(struct peer *peer)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char *text = (char *)peer->in, *end, *key, answer[256], accept[64], seed[120];
    uint8_t digest[20];
    text[peer->filled] = 0;
    end = strstr(text, "\r\n\r\n");
    key = strcasestr(text, "sec-websocket-key:");
    if (end == NULL || key == NULL)
        return 0;
    key += strlen("sec-websocket-key:");
    key += strspn(key, " ");
    int length = snprintf(seed, sizeof seed, "%.24s%s", key, guid);
    sha1_short(seed, (size_t)length, digest);
    base64(digest, sizeof digest, accept);
    peer->echoes = strstr(text, "GET /two-way") == text ? TEXT : strstr(text, "GET /duplex") == text ? BINARY : 0;
    sscanf(text, "GET %63s", peer->path);
    length = snprintf(answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (send(peer->socket, answer, (size_t)length, MSG_NOSIGNAL) != length)
        return 0;
    peer->open = 1;
    return (int)(end + 4 - text);
}

static void transmit(struct peer *peer, const uint8_t *bytes, size_t length)
{
    if (holding && peer->open) {
        if (peer->held == NULL)
            peer->held = malloc(KEPT_BYTES);
        if (peer->kept + length <= KEPT_BYTES) {
            memcpy(peer->held + peer->kept, bytes, length);
            peer->kept += length;
        }
        return;
    }
    /* A system that lets 4 MB of its own echo pile up has failed the run anyway. */
    if (send(peer->socket, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        fprintf(stderr, "load: a socket took no more: %s\n", strerror(errno));
}

/* A frame around what already lies behind room for its head. */
static void send_frame(struct peer *peer, int opcode, uint8_t *body, int length)
{
    int head = length < 126 ? 2 : 4;
    uint8_t *frame = body - head;
    frame[0] = (uint8_t)(0x80 | opcode);
    if (head == 2) {
        frame[1] = (uint8_t)length;
    } else {
        frame[1] = 126;
        frame[2] = (uint8_t)(length >> 8);
        frame[3] = (uint8_t)length;
    }
    transmit(peer, frame, (size_t)(head + length));
}

static void on_text(struct peer *peer, char *text, int length)
{
    static const char opening[] = "{\"event\":\"media\"", key[] = "\"payload\":\"";
    static uint8_t out[OUT_BYTES];
    if (length < (int)sizeof opening || memcmp(text, opening, sizeof opening - 1) != 0) {
        char *sid = memmem(text, (size_t)length, "\"streamSid\":\"", 13);
        if (sid != NULL && peer->prefix_length == 0)
            peer->prefix_length = snprintf(peer->prefix, PREFIX_BYTES,
                "{\"event\":\"media\",\"streamSid\":\"%.34s\",\"media\":{\"payload\":\"", sid + 13);
        return;
    }
    if (!peer->heard && telling) {
        printf("{\"kind\":\"heard\",\"path\":\"%s\",\"atMs\":%.3f}\n", peer->path, now_ms());
        fflush(stdout);
    }
    peer->heard = 1;
    if (peer->echoes != TEXT || ++peer->seen < ECHO_FROM)
        return;
    char *from = memmem(text, (size_t)length, key, sizeof key - 1);
    if (from == NULL)
        return;
    from += sizeof key - 1;
    char *to = memchr(from, '"', (size_t)(text + length - from));
    if (to == NULL || peer->prefix_length + (to - from) + 16 > OUT_BYTES)
        return;
    uint8_t *body = out + 8;
    int size = peer->prefix_length;
    memcpy(body, peer->prefix, (size_t)size);
    memcpy(body + size, from, (size_t)(to - from));
    size += (int)(to - from);
    memcpy(body + size, "\"}}", 3);
    send_frame(peer, TEXT, body, size + 3);
}

static void on_message(struct peer *peer, int opcode, uint8_t *body, int length)
{
    static uint8_t out[OUT_BYTES];
    if (opcode == TEXT) {
        on_text(peer, (char *)body, length);
        return;
    }
    int answer = opcode == PING ? PONG : opcode == CLOSE ? CLOSE : opcode == BINARY && peer->echoes == BINARY && ++peer->seen >= ECHO_FROM ? BINARY : 0;
    if (answer == 0 || length + 8 > OUT_BYTES)
        return;
    memcpy(out + 8, body, (size_t)length);
    send_frame(peer, answer, out + 8, length);
}

/* The first whole frame of what is here: its bytes, or 0. */
static int take_frame(struct peer *peer, uint8_t *at, int left)
{
    if (left < 6)
        return 0;
    int length = at[1] & 0x7f, head = 6;
    if (length == 126) {
        if (left < 8)
            return 0;
        length = at[2] << 8 | at[3];
        head = 8;
    }
    if (left < head + length)
        return 0;
    uint8_t *body = at + head, *mask = body - 4;
    for (int i = 0; i < length; i++)
        body[i] ^= mask[i & 3];
    on_message(peer, at[0] & 0x0f, body, length);
    return head + length;
}

int app_ready(int socket)
{
    if (socket == listener) {
        greet();
        return 1;
    }
    struct peer *peer = peers[socket];
    if (peer == NULL)
        return 0;
    ssize_t got = recv(socket, peer->in + peer->filled, (size_t)(IN_BYTES - 1 - peer->filled), MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(peer);
        return 1;
    }
    peer->filled += (int)got;
    int at = 0, used;
    do {
        used = peer->open ? take_frame(peer, peer->in + at, peer->filled - at) : upgrade(peer);
        at += used;
    } while (used > 0);
    memmove(peer->in, peer->in + at, (size_t)(peer->filled - at));
    peer->filled -= at;
    return 1;
}

void app_tell(void)
{
    telling = 1;
}

void app_narrow(void)
{
    int bytes = NARROW_BYTES;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void app_listen(int listens)
{
    for (int socket = 0; socket < MAX_SOCKETS; socket++) {
        struct epoll_event event = {.events = listens ? EPOLLIN : 0, .data.fd = socket};
        if (peers[socket] != NULL)
            epoll_ctl(watcher, EPOLL_CTL_MOD, socket, &event);
    }
}

void app_hold(int ms)
{
    held_until = now_ms() + ms;
    holding = 1;
}

void app_tick(void)
{
    if (!holding || now_ms() < held_until)
        return;
    holding = 0;
    for (int socket = 0; socket < MAX_SOCKETS; socket++) {
        struct peer *peer = peers[socket];
        if (peer == NULL || peer->kept == 0)
            continue;
        transmit(peer, peer->held, peer->kept);
        peer->kept = 0;
    }
}
