/* WebSocket connections of the reactor: see websocket.h. */
#include "websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    NO_CODE = 1005,
    /* Then JavaScript is told, and may say that it is enough. */
    FRAMES_AT_ONCE = 64,
    /* Answers to pings that wait because nobody reads them. */
    MAX_PENDING_PONGS = 32,
    /* Far more than is handed over before audio is dropped instead. */
    MAX_BACKLOG_BYTES = 1 << 26,
};

/* A message, or the rest of one, that the kernel has not taken. */
struct parcel {
    struct parcel *next;
    enum opcode opcode;
    size_t sent, length;
    uint8_t bytes[];
};

struct websocket {
    struct socket socket;
    /* What was read of a frame that is not whole, and frames that came when enough were told. */
    struct bytes in;
    /* Fragments of a message that is not whole. */
    struct bytes message;
    int fragments;
    enum opcode fragmented;
    struct parcel *first, *last;
    int pongs;
    /* A close frame came, or a rule was broken: what follows means nothing. */
    bool deaf;
};

static bool grow(struct bytes *bytes, size_t capacity)
{
    if (capacity <= bytes->capacity)
        return true;
    if (capacity < 2 * bytes->capacity)
        capacity = 2 * bytes->capacity;
    uint8_t *data = realloc(bytes->data, capacity);
    if (data == NULL)
        return false;
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

static bool append(struct bytes *bytes, const uint8_t *from, size_t length)
{
    if (length == 0)
        return true;
    if (!grow(bytes, bytes->length + length))
        return false;
    memcpy(bytes->data + bytes->length, from, length);
    bytes->length += length;
    return true;
}

static void clear(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

/* ------------------------------------------------------------------ to the app */

/* Where JavaScript looks: bytes the kernel was seen not to take, and messages that were handed over and not taken whole. */
static void note_backlog(struct websocket *ws, ptrdiff_t bytes, int messages)
{
    int32_t *backlog = ws->socket.reactor->backlog + 2 * ws->socket.id;
    backlog[0] += (int32_t)bytes;
    backlog[1] += messages;
}

static int counts(enum opcode opcode)
{
    return opcode == OP_TEXT || opcode == OP_BINARY;
}

static void reading_and_writing(struct websocket *ws, uint32_t writing)
{
    reactor_watch(&ws->socket, (ws->socket.interest & EPOLLIN) | writing);
}

static void drop_first(struct websocket *ws)
{
    struct parcel *parcel = ws->first;
    ws->first = parcel->next;
    if (ws->first == NULL)
        ws->last = NULL;
    if (parcel->opcode == OP_PONG)
        ws->pongs--;
    free(parcel);
}

static void send_backlog(struct socket *socket)
{
    struct websocket *ws = (struct websocket *)socket;
    while (ws->first != NULL) {
        struct parcel *parcel = ws->first;
        size_t left = parcel->length - parcel->sent;
        ssize_t count = send(ws->socket.descriptor, parcel->bytes + parcel->sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            /* A broken connection is told by its reading side. */
            if (errno != EAGAIN)
                reading_and_writing(ws, 0);
            return;
        }
        parcel->sent += (size_t)count;
        note_backlog(ws, -count, (size_t)count == left ? -counts(parcel->opcode) : 0);
        if ((size_t)count < left)
            return;
        drop_first(ws);
    }
    reading_and_writing(ws, 0);
}

/* What the kernel did not take of a frame. */
static void keep(struct websocket *ws, enum opcode opcode, const uint8_t *frame, size_t length)
{
    int32_t waiting = ws->socket.reactor->backlog[2 * ws->socket.id];
    struct parcel *parcel = malloc(sizeof *parcel + length);
    if (parcel == NULL || waiting + length > MAX_BACKLOG_BYTES) {
        free(parcel);
        if (ws->socket.descriptor >= 0)
            shutdown(ws->socket.descriptor, SHUT_RDWR);
        return;
    }
    *parcel = (struct parcel){.opcode = opcode, .length = length};
    memcpy(parcel->bytes, frame, length);
    if (ws->last == NULL)
        ws->first = parcel;
    else
        ws->last->next = parcel;
    ws->last = parcel;
    ws->pongs += opcode == OP_PONG;
    note_backlog(ws, (ptrdiff_t)length, 0);
    reading_and_writing(ws, EPOLLOUT);
}

/* RFC 6455 §5.3: a mask that nobody can foresee. */
static void draw_mask(struct reactor *reactor, uint8_t mask[MASK_BYTES])
{
    if (reactor->drawn == 0)
        for (size_t filled = 0; filled < sizeof reactor->random;) {
            ssize_t count = getrandom(reactor->random + filled, sizeof reactor->random - filled, 0);
            if (count > 0)
                filled += (size_t)count;
        }
    memcpy(mask, reactor->random + reactor->drawn, MASK_BYTES);
    reactor->drawn = (reactor->drawn + MASK_BYTES) % sizeof reactor->random;
}

uint8_t *websocket_payload(struct reactor *reactor, size_t least, size_t *room)
{
    uint8_t *outbox = reactor_outbox(reactor, least + MAX_FRAME_HEADER, room);
    if (outbox == NULL)
        return NULL;
    *room -= MAX_FRAME_HEADER;
    return outbox + MAX_FRAME_HEADER;
}

void websocket_send(struct socket *socket, enum opcode opcode, uint8_t *payload, size_t length)
{
    uint8_t mask[MASK_BYTES], head[MAX_FRAME_HEADER], *frame = payload - MAX_FRAME_HEADER;
    draw_mask(socket->reactor, mask);
    size_t head_length = frame_head(head, opcode, length, mask);
    /* Frames lie behind one another, so that one write takes several: the payload moves up to its head. */
    memcpy(frame, head, head_length);
    frame_mask(frame + head_length, payload, length, mask);
    note_backlog((struct websocket *)socket, 0, counts(opcode));
    reactor_post(socket, frame, head_length + length, opcode);
}

/* Frames behind one another. */
static void send_items(struct socket *socket, const uint8_t *bytes, const struct item *items, size_t count)
{
    struct websocket *ws = (struct websocket *)socket;
    size_t length = 0;
    for (size_t at = 0; at < count; at++)
        length += items[at].length;
    ssize_t sent = -1;
    if (ws->first == NULL && socket->descriptor >= 0)
        sent = send(socket->descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    size_t taken = sent > 0 ? (size_t)sent : 0;
    for (size_t at = 0; at < count; bytes += items[at++].length) {
        size_t of_this = taken < items[at].length ? taken : items[at].length;
        taken -= of_this;
        if (of_this < items[at].length)
            keep(ws, (enum opcode)items[at].kind, bytes + of_this, items[at].length - of_this);
        else
            note_backlog(ws, 0, -counts((enum opcode)items[at].kind));
    }
}

/* ------------------------------------------------------------------ from the app */

static void broke(struct websocket *ws, enum violation violation)
{
    ws->deaf = true;
    reactor_tell(&ws->socket, EVENT_BROKEN, violation, 0, 0);
}

static void tell_message(struct websocket *ws, enum opcode opcode, const uint8_t *payload, size_t length, bool in_arena)
{
    struct reactor *reactor = ws->socket.reactor;
    enum event event = opcode == OP_BINARY ? EVENT_BINARY : is_ascii(payload, length) ? EVENT_ASCII : EVENT_TEXT;
    if (event == EVENT_TEXT && !is_utf8(payload, length)) {
        broke(ws, VIOLATION_UTF8);
        return;
    }
    if (!in_arena && length > 0) {
        uint8_t *room = reactor_room(reactor, length);
        memcpy(room, payload, length);
        reactor_use(reactor, length);
        payload = room;
    }
    reactor_tell(&ws->socket, event, length == 0 ? 0 : reactor_offset(reactor, payload), (int32_t)length, 0);
}

static void take_data(struct websocket *ws, const struct frame *frame, const uint8_t *payload, bool in_arena)
{
    bool is_open = ws->fragments > 0;
    if (frame->final && !is_open) {
        tell_message(ws, frame->opcode, payload, frame->length, in_arena);
        return;
    }
    if (!is_open)
        ws->fragmented = frame->opcode;
    if (++ws->fragments > MAX_FRAGMENTS) {
        broke(ws, VIOLATION_FRAGMENTS);
        return;
    }
    if (!append(&ws->message, payload, frame->length)) {
        broke(ws, VIOLATION_MESSAGE_LENGTH);
        return;
    }
    if (!frame->final)
        return;
    struct bytes whole = ws->message;
    ws->message = (struct bytes){0};
    ws->fragments = 0;
    tell_message(ws, ws->fragmented, whole.data, whole.length, false);
    clear(&whole);
}

static void answer_ping(struct websocket *ws, const uint8_t *payload, size_t length)
{
    size_t room;
    uint8_t *answer = websocket_payload(ws->socket.reactor, length, &room);
    if (answer == NULL)
        return;
    memcpy(answer, payload, length);
    websocket_send(&ws->socket, OP_PONG, answer, length);
    if (ws->pongs > MAX_PENDING_PONGS)
        reactor_gone(&ws->socket, ENOBUFS);
}

static void take_close(struct websocket *ws, const uint8_t *payload, size_t length)
{
    int code = length < 2 ? NO_CODE : payload[0] << 8 | payload[1];
    if (length >= 2 && !is_close_code(code))
        broke(ws, VIOLATION_CLOSE_CODE);
    else if (length > 2 && !is_utf8(payload + 2, length - 2))
        broke(ws, VIOLATION_UTF8);
    else {
        ws->deaf = true;
        reactor_tell(&ws->socket, EVENT_CLOSE, code, 0, 0);
    }
}

static void take(struct websocket *ws, const struct frame *frame, const uint8_t *payload, bool in_arena)
{
    switch (frame->opcode) {
    case OP_PING:
        reactor_tell(&ws->socket, EVENT_PING, 0, 0, 0);
        answer_ping(ws, payload, frame->length);
        break;
    case OP_PONG:
        reactor_tell(&ws->socket, EVENT_PONG, 0, 0, 0);
        break;
    case OP_CLOSE:
        take_close(ws, payload, frame->length);
        break;
    default:
        take_data(ws, frame, payload, in_arena);
    }
}

static bool listens(const struct websocket *ws)
{
    return !ws->deaf && ws->socket.descriptor >= 0;
}

static bool is_read(const struct websocket *ws)
{
    return listens(ws) && (ws->socket.interest & EPOLLIN) != 0;
}

/* Takes the whole frames of `bytes` while it is to read; how much that was. In the arena it stops where rows are to be told. */
static size_t take_frames(struct websocket *ws, const uint8_t *bytes, size_t length, bool in_arena)
{
    size_t at = 0;
    int taken = 0;
    while (is_read(ws)) {
        struct frame frame;
        if (taken == FRAMES_AT_ONCE || reactor_is_full(ws->socket.reactor)) {
            if (in_arena)
                break;
            reactor_flush(ws->socket.reactor);
            taken = 0;
            continue;
        }
        int got = frame_read(bytes + at, length - at, ws->fragments > 0, &frame);
        if (got > 0 && frame.opcode < OP_CLOSE && ws->message.length + frame.length > MAX_MESSAGE_BYTES)
            got = -VIOLATION_MESSAGE_LENGTH;
        if (got < 0)
            broke(ws, (enum violation)-got);
        if (got <= 0 || length - at - frame.header < frame.length)
            break;
        take(ws, &frame, bytes + at + frame.header, in_arena);
        at += frame.header + frame.length;
        taken++;
    }
    return listens(ws) ? at : length;
}

/* Takes what is whole in what was kept. */
static void take_kept(struct socket *socket)
{
    struct websocket *ws = (struct websocket *)socket;
    size_t taken = take_frames(ws, ws->in.data, ws->in.length, false);
    ws->in.length -= taken;
    if (ws->in.length == 0)
        clear(&ws->in);
    else if (taken > 0)
        memmove(ws->in.data, ws->in.data + taken, ws->in.length);
}

static void failed(struct websocket *ws, ssize_t count)
{
    if (count == 0)
        reactor_gone(&ws->socket, 0);
    else if (errno != EAGAIN && errno != EINTR)
        reactor_gone(&ws->socket, errno);
}

/* Nearly always whole frames come, and are told where they were read. */
static void read_into_arena(struct websocket *ws)
{
    struct reactor *reactor = ws->socket.reactor;
    uint8_t *block = reactor_room(reactor, BLOCK_BYTES);
    ssize_t count = ws->socket.released ? -1 : recv(ws->socket.descriptor, block, BLOCK_BYTES, MSG_DONTWAIT);
    if (count <= 0) {
        failed(ws, count);
        return;
    }
    reactor_use(reactor, (size_t)count);
    size_t taken = take_frames(ws, block, (size_t)count, true);
    reactor_keep(reactor, block, (size_t)count);
    if (!append(&ws->in, block + taken, (size_t)count - taken))
        reactor_gone(&ws->socket, ENOMEM);
}

static void read_behind_kept(struct websocket *ws)
{
    struct bytes *in = &ws->in;
    if (!grow(in, in->length + BLOCK_BYTES)) {
        reactor_gone(&ws->socket, ENOMEM);
        return;
    }
    ssize_t count = recv(ws->socket.descriptor, in->data + in->length, BLOCK_BYTES, MSG_DONTWAIT);
    if (count <= 0)
        failed(ws, count);
    else
        in->length += (size_t)count;
}

static void readable(struct socket *socket)
{
    struct websocket *ws = (struct websocket *)socket;
    if (ws->in.length == 0)
        read_into_arena(ws);
    else
        read_behind_kept(ws);
    if (ws->in.length > 0)
        take_kept(socket);
}

void websocket_set_reading(struct socket *socket, bool reading)
{
    uint32_t writing = socket->interest & EPOLLOUT;
    reactor_watch(socket, (reading ? EPOLLIN : 0) | writing);
    if (reading && ((struct websocket *)socket)->in.length > 0)
        reactor_resume(socket);
}

static void discard(struct socket *socket)
{
    struct websocket *ws = (struct websocket *)socket;
    while (ws->first != NULL)
        drop_first(ws);
    clear(&ws->in);
    clear(&ws->message);
    free(ws);
}

static const struct behaviour behaviour = {readable, send_backlog, take_kept, send_items, discard};

bool is_websocket(const struct socket *socket)
{
    return socket->behaviour == &behaviour;
}

int websocket_adopt(struct reactor *reactor, int descriptor, const uint8_t *head, size_t length)
{
    int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return -errno;
    struct websocket *ws = calloc(1, sizeof *ws);
    bool is_kept = ws != NULL && append(&ws->in, head, length);
    int failed = is_kept ? reactor_add(reactor, &ws->socket, own, &behaviour) : -ENOMEM;
    if (failed != 0) {
        close(own);
        if (ws != NULL)
            clear(&ws->in);
        free(ws);
        return failed;
    }
    /* Whoever is to be told knows its number then. */
    if (length > 0)
        reactor_resume(&ws->socket);
    return ws->socket.id;
}
