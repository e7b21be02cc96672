/* UDP sockets of the reactor: see datagram.h. */
#include "datagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOURCE_BYTES = NI_MAXHOST + 16 };

struct datagram {
    struct socket socket;
    struct sockaddr_storage target, source;
    socklen_t target_length, source_length;
    /* Of what was sent since it was last told. */
    int error;
};

/* The length of the address; 0 when it is not a numeric one. */
static socklen_t read_address(const char *host, int port, struct sockaddr_storage *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *found;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)(uint16_t)port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return 0;
    socklen_t length = found->ai_addrlen;
    memcpy(address, found->ai_addr, length);
    freeaddrinfo(found);
    return length;
}

/* A row with the address as text, when it is another than before. The arena has room for SOURCE_BYTES. */
static void tell_source(struct datagram *datagram, const struct sockaddr_storage *source, socklen_t length)
{
    if (length == datagram->source_length && memcmp(source, &datagram->source, length) == 0)
        return;
    struct reactor *reactor = datagram->socket.reactor;
    char *text = (char *)reactor->arena + reactor->used;
    char service[8] = "0";
    if (getnameinfo((const struct sockaddr *)source, length, text, NI_MAXHOST, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    size_t characters = strlen(text);
    reactor_tell(&datagram->socket, EVENT_SOURCE, reactor_offset(reactor, (uint8_t *)text), (int32_t)characters,
                 atoi(service));
    reactor_use(reactor, characters);
    memcpy(&datagram->source, source, length);
    datagram->source_length = length;
}

static void readable(struct socket *socket)
{
    struct reactor *reactor = socket->reactor;
    struct sockaddr_storage source;
    socklen_t length = sizeof source;
    uint8_t *bytes = reactor_room(reactor, BLOCK_BYTES + SOURCE_BYTES);
    /* Its errors are those of datagrams sent earlier: nothing a receiver could do about. */
    ssize_t count = recvfrom(socket->descriptor, bytes, BLOCK_BYTES, MSG_DONTWAIT, (struct sockaddr *)&source, &length);
    if (count < 0)
        return;
    reactor_use(reactor, (size_t)count);
    tell_source((struct datagram *)socket, &source, length);
    reactor_tell(socket, EVENT_DATAGRAM, reactor_offset(reactor, bytes), (int32_t)count, 0);
}

static void discard(struct socket *socket)
{
    free(socket);
}

/* To where it was aimed when it was posted: an aim sends what is there first. */
static void send_items(struct socket *socket, const uint8_t *bytes, const struct item *items, size_t count)
{
    struct datagram *datagram = (struct datagram *)socket;
    for (size_t at = 0; at < count; bytes += items[at++].length) {
        ssize_t sent = sendto(socket->descriptor, bytes, items[at].length, MSG_DONTWAIT | MSG_NOSIGNAL,
                              (struct sockaddr *)&datagram->target, datagram->target_length);
        if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
            datagram->error = -errno;
    }
}

static const struct behaviour behaviour = {.readable = readable, .send = send_items, .free = discard};

bool is_datagram(const struct socket *socket)
{
    return socket->behaviour == &behaviour;
}

static int bound(const struct sockaddr_storage *address, socklen_t length, int receive_bytes)
{
    int descriptor = socket(address->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (bind(descriptor, (const struct sockaddr *)address, length) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}

int datagram_open(struct reactor *reactor, const char *host, int port, int receive_bytes)
{
    struct sockaddr_storage address;
    socklen_t length = read_address(host, port, &address);
    if (length == 0)
        return -EINVAL;
    int descriptor = bound(&address, length, receive_bytes);
    if (descriptor < 0)
        return descriptor;
    struct datagram *datagram = calloc(1, sizeof *datagram);
    int failed = datagram == NULL ? -ENOMEM : reactor_add(reactor, &datagram->socket, descriptor, &behaviour);
    if (failed == 0)
        return datagram->socket.id;
    free(datagram);
    close(descriptor);
    return failed;
}

int datagram_aim(struct socket *socket, const char *host, int port)
{
    struct datagram *datagram = (struct datagram *)socket;
    reactor_send_all(socket->reactor);
    datagram->target_length = read_address(host, port, &datagram->target);
    return datagram->target_length == 0 ? -EINVAL : 0;
}

int datagram_send(struct socket *socket, const void *bytes, size_t length)
{
    struct datagram *datagram = (struct datagram *)socket;
    size_t room;
    uint8_t *outbox = reactor_outbox(socket->reactor, length, &room);
    if (datagram->target_length == 0 || outbox == NULL)
        return datagram->target_length == 0 ? -EDESTADDRREQ : -ENOMEM;
    if (length > 0)
        memcpy(outbox, bytes, length);
    reactor_post(socket, outbox, length, 0);
    int error = datagram->error;
    datagram->error = 0;
    return error;
}
