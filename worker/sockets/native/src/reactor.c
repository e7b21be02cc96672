/* Many sockets behind one wake-up: see reactor.h. */
#include "reactor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READY_AT_ONCE = 128,
    /* Then timers have their turn. */
    ROUNDS = 4,
    FIRST_CAPACITY = 64,
    ALIGNMENT = 8,
};

/* A free number, or a negative errno. */
static int take_number(struct reactor *reactor)
{
    for (int id = 0; id < reactor->capacity; id++)
        if (reactor->sockets[id] == NULL)
            return id;
    int id = reactor->capacity, capacity = id == 0 ? FIRST_CAPACITY : 2 * id;
    if (capacity > reactor->max_sockets)
        capacity = reactor->max_sockets;
    if (id >= capacity)
        return -EMFILE;
    struct socket **sockets = realloc(reactor->sockets, (size_t)capacity * sizeof(*sockets));
    if (sockets == NULL)
        return -ENOMEM;
    memset(sockets + id, 0, (size_t)(capacity - id) * sizeof(*sockets));
    reactor->sockets = sockets;
    reactor->capacity = capacity;
    return id;
}

int reactor_add(struct reactor *reactor, struct socket *socket, int descriptor, const struct behaviour *behaviour)
{
    int id = take_number(reactor);
    if (id < 0)
        return id;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
    if (epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return -errno;
    socket->reactor = reactor;
    socket->behaviour = behaviour;
    socket->id = id;
    socket->descriptor = descriptor;
    socket->interest = EPOLLIN;
    reactor->sockets[id] = socket;
    reactor->backlog[2 * id] = reactor->backlog[2 * id + 1] = 0;
    if (reactor->live++ == 0)
        uv_ref((uv_handle_t *)&reactor->poll);
    return 0;
}

struct socket *reactor_find(struct reactor *reactor, int id)
{
    struct socket *socket = id >= 0 && id < reactor->capacity ? reactor->sockets[id] : NULL;
    return socket == NULL || socket->released ? NULL : socket;
}

void reactor_watch(struct socket *socket, uint32_t interest)
{
    if (socket->descriptor < 0 || (interest == socket->interest && !socket->parked))
        return;
    struct epoll_event event = {.events = interest, .data.ptr = socket};
    epoll_ctl(socket->reactor->epoll, socket->parked ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket->descriptor, &event);
    socket->interest = interest;
    socket->parked = false;
}

void reactor_resume(struct socket *socket)
{
    if (!socket->resumed)
        socket->reactor->resumed++;
    socket->resumed = true;
}

static void forget_resumed(struct socket *socket)
{
    if (socket->resumed)
        socket->reactor->resumed--;
    socket->resumed = false;
}

/* An end is told whether it was asked for or not, without end, while we are not to read. */
static void park(struct socket *socket)
{
    epoll_ctl(socket->reactor->epoll, EPOLL_CTL_DEL, socket->descriptor, NULL);
    socket->parked = true;
}

static void close_descriptor(struct socket *socket)
{
    if (socket->descriptor < 0)
        return;
    /* Not left to close(): what somebody else holds a duplicate of would be watched for ever. */
    if (!socket->parked)
        epoll_ctl(socket->reactor->epoll, EPOLL_CTL_DEL, socket->descriptor, NULL);
    close(socket->descriptor);
    socket->descriptor = -1;
}

void reactor_gone(struct socket *socket, int error)
{
    close_descriptor(socket);
    reactor_tell(socket, EVENT_GONE, error, 0, 0);
}

/* Numbers and memory are free again once no row can name them. */
static void bury(struct reactor *reactor)
{
    while (reactor->released != NULL) {
        struct socket *socket = reactor->released;
        reactor->released = socket->next_released;
        reactor->sockets[socket->id] = NULL;
        socket->behaviour->free(socket);
    }
}

void reactor_release(struct socket *socket)
{
    struct reactor *reactor = socket->reactor;
    reactor_send_all(reactor);
    close_descriptor(socket);
    forget_resumed(socket);
    socket->released = true;
    socket->next_released = reactor->released;
    reactor->released = socket;
    if (--reactor->live == 0 && !reactor->stopped)
        uv_unref((uv_handle_t *)&reactor->poll);
    if (!reactor->busy)
        bury(reactor);
}

void reactor_flush(struct reactor *reactor)
{
    /* What no row points at is of no use either: a far end may say much that means nothing. */
    if (reactor->row_count == 0) {
        reactor->used = 0;
        return;
    }
    napi_env env = reactor->env;
    napi_handle_scope scope;
    napi_value self, on_events, count, error;
    if (napi_open_handle_scope(env, &scope) != napi_ok)
        return;
    napi_get_global(env, &self);
    napi_get_reference_value(env, reactor->on_events, &on_events);
    napi_create_uint32(env, (uint32_t)reactor->row_count, &count);
    napi_status status = napi_make_callback(env, reactor->context, self, on_events, 1, &count, NULL);
    if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
        napi_fatal_exception(env, error);
    napi_close_handle_scope(env, scope);
    reactor->row_count = reactor->used = 0;
}

uint8_t *reactor_room(struct reactor *reactor, size_t bytes)
{
    if (bytes > reactor->arena_bytes)
        return NULL;
    if (reactor->used + bytes > reactor->arena_bytes)
        reactor_flush(reactor);
    return reactor->arena + reactor->used;
}

void reactor_use(struct reactor *reactor, size_t bytes)
{
    reactor->used += (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void reactor_keep(struct reactor *reactor, const uint8_t *from, size_t bytes)
{
    size_t before = reactor->used;
    reactor->used = (size_t)(from - reactor->arena);
    reactor_use(reactor, bytes);
    if (reactor->used < before)
        reactor->used = before;
}

bool reactor_is_full(const struct reactor *reactor)
{
    /* The rows of one message, and of the end of its socket. */
    return reactor->row_count + 4 > reactor->max_rows;
}

int32_t reactor_offset(const struct reactor *reactor, const uint8_t *bytes)
{
    return (int32_t)(bytes - reactor->arena);
}

void reactor_tell(struct socket *socket, enum event event, int32_t a, int32_t b, int32_t c)
{
    struct reactor *reactor = socket->reactor;
    int32_t *row = reactor->rows + ROW * reactor->row_count++;
    row[0] = event;
    row[1] = socket->id;
    row[2] = a;
    row[3] = b;
    row[4] = c;
}

uint8_t *reactor_outbox(struct reactor *reactor, size_t bytes, size_t *room)
{
    struct bytes *outbox = &reactor->outbox;
    if (outbox->length + bytes > outbox->capacity || reactor->item_count == OUTBOX_ITEMS)
        reactor_send_all(reactor);
    if (outbox->data == NULL || bytes > outbox->capacity) {
        size_t capacity = bytes > OUTBOX_BYTES ? bytes : OUTBOX_BYTES;
        uint8_t *data = realloc(outbox->data, capacity);
        if (data == NULL)
            return NULL;
        outbox->data = data;
        outbox->capacity = capacity;
    }
    *room = outbox->capacity - outbox->length;
    return outbox->data + outbox->length;
}

void reactor_post(struct socket *socket, const uint8_t *from, size_t length, int kind)
{
    struct reactor *reactor = socket->reactor;
    size_t offset = (size_t)(from - reactor->outbox.data);
    reactor->items[reactor->item_count++] = (struct item){socket, offset, length, kind};
    reactor->outbox.length = offset + length;
    /* A long one is not gathered. */
    if (reactor->outbox.length > OUTBOX_BYTES)
        reactor_send_all(reactor);
}

/* Items of one socket behind one another, without a gap. */
static size_t run_length(const struct reactor *reactor, size_t first)
{
    const struct item *items = reactor->items;
    size_t next = first + 1;
    while (next < reactor->item_count && items[next].socket == items[first].socket &&
           items[next].offset == items[next - 1].offset + items[next - 1].length)
        next++;
    return next - first;
}

void reactor_send_all(struct reactor *reactor)
{
    size_t count;
    for (size_t at = 0; at < reactor->item_count; at += count) {
        const struct item *items = reactor->items + at;
        count = run_length(reactor, at);
        items->socket->behaviour->send(items->socket, reactor->outbox.data + items->offset, items, count);
    }
    reactor->item_count = reactor->outbox.length = 0;
    /* A long one is rare: its room is not kept. */
    if (reactor->outbox.capacity > OUTBOX_BYTES) {
        free(reactor->outbox.data);
        reactor->outbox = (struct bytes){0};
    }
}

static void resume(struct socket *socket)
{
    if (!socket->resumed)
        return;
    forget_resumed(socket);
    if (socket->descriptor >= 0)
        socket->behaviour->resume(socket);
}

static void serve(struct socket *socket, uint32_t events)
{
    struct reactor *reactor = socket->reactor;
    if (reactor_is_full(reactor))
        reactor_flush(reactor);
    if (socket->descriptor >= 0 && (events & EPOLLOUT) != 0)
        socket->behaviour->writable(socket);
    /* What was read comes before what can be. */
    resume(socket);
    if (socket->descriptor < 0)
        return;
    bool has_ended = (events & (EPOLLERR | EPOLLHUP)) != 0;
    bool is_to_read = (socket->interest & EPOLLIN) != 0;
    if (!is_to_read && has_ended)
        park(socket);
    else if (is_to_read && ((events & EPOLLIN) != 0 || has_ended))
        socket->behaviour->readable(socket);
}

/* Few are, and seldom: they are looked for. Whoever is told may ask for more of them. */
static void resume_all(struct reactor *reactor)
{
    if (reactor->resumed == 0)
        return;
    reactor->busy = true;
    while (reactor->resumed > 0 && !reactor->stopped) {
        for (int id = 0; id < reactor->capacity && !reactor->stopped; id++)
            if (reactor->sockets[id] != NULL)
                resume(reactor->sockets[id]);
        if (!reactor->stopped)
            reactor_flush(reactor);
    }
    reactor->busy = false;
    bury(reactor);
}

static void before_waiting(uv_prepare_t *prepare)
{
    resume_all(prepare->data);
    reactor_send_all(prepare->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct reactor *reactor = poll->data;
    struct epoll_event ready[READY_AT_ONCE];
    int count = READY_AT_ONCE;
    (void)status, (void)events;
    reactor->busy = true;
    for (int round = 0; round < ROUNDS && count == READY_AT_ONCE && !reactor->stopped; round++) {
        count = epoll_wait(reactor->epoll, ready, READY_AT_ONCE, 0);
        /* What is released meanwhile is still there: it is buried at the end. */
        for (int at = 0; at < count && !reactor->stopped; at++)
            serve(ready[at].data.ptr, ready[at].events);
    }
    if (!reactor->stopped)
        reactor_flush(reactor);
    reactor->busy = false;
    bury(reactor);
}

/* Neither of them keeps the loop going: sockets do. */
static int start_handles(struct reactor *reactor, uv_loop_t *loop)
{
    int failed = uv_poll_init(loop, &reactor->poll, reactor->epoll);
    if (failed != 0)
        return failed;
    uv_prepare_init(loop, &reactor->before_waiting);
    reactor->handles = 2;
    reactor->poll.data = reactor->before_waiting.data = reactor;
    uv_prepare_start(&reactor->before_waiting, before_waiting);
    uv_unref((uv_handle_t *)&reactor->before_waiting);
    failed = uv_poll_start(&reactor->poll, UV_READABLE, on_ready);
    uv_unref((uv_handle_t *)&reactor->poll);
    return failed;
}

int reactor_start(struct reactor *reactor)
{
    uv_loop_t *loop;
    reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (reactor->epoll < 0)
        return -errno;
    if (napi_get_uv_event_loop(reactor->env, &loop) != napi_ok)
        return -EINVAL;
    return start_handles(reactor, loop);
}

static void on_closed(uv_handle_t *handle)
{
    struct reactor *reactor = handle->data;
    if (--reactor->handles > 0)
        return;
    bury(reactor);
    close(reactor->epoll);
    free(reactor->sockets);
    free(reactor->outbox.data);
    if (reactor->cleanup != NULL)
        napi_remove_async_cleanup_hook(reactor->cleanup);
    free(reactor);
}

void reactor_stop(struct reactor *reactor)
{
    if (reactor->stopped)
        return;
    reactor_send_all(reactor);
    reactor->stopped = true;
    for (int id = 0; id < reactor->capacity; id++)
        if (reactor->sockets[id] != NULL && !reactor->sockets[id]->released)
            reactor_release(reactor->sockets[id]);
    uv_close((uv_handle_t *)&reactor->poll, on_closed);
    uv_close((uv_handle_t *)&reactor->before_waiting, on_closed);
}
