/*
 * Many sockets of one thread behind one wake-up. Whatever came is read into one arena and told to JavaScript in one
 * call, as rows of numbers: see `enum event`. What is to be sent is gathered in an outbox and sent before the thread
 * waits again, one socket after the other: whoever is woken by the first has the next before it sleeps.
 * One reactor for each thread that loads the addon; all calls are that thread's.
 *
 * Sockets are known by small numbers. One that died keeps its number until JavaScript lets go of it, so that a row
 * already written never names another socket.
 */
#ifndef REACTOR_H
#define REACTOR_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

/* First number of a row; the second is the socket. The numbers are known to reactor.ts. */
enum event {
    EVENT_SOURCE = 1,   /* Offset of the address as text · its length · port: of all datagrams from here on. */
    EVENT_DATAGRAM = 2, /* Offset · length. */
    EVENT_ASCII = 3,    /* Offset · length of a text message, all of it below 128. */
    EVENT_TEXT = 4,     /* Offset · length of a text message in UTF-8. */
    EVENT_BINARY = 5,   /* Offset · length. */
    EVENT_PONG = 6,
    EVENT_CLOSE = 7,  /* Code of the close frame; 1005 when it had none. */
    EVENT_BROKEN = 8, /* The violation. Nothing more is read. */
    EVENT_GONE = 9,   /* errno, or 0 for an orderly end. The descriptor is closed. */
    EVENT_PING = 10,  /* It is answered. */
};

enum {
    ROW = 5,
    /* One read takes at most so much. */
    BLOCK_BYTES = 65536,
    /* What is gathered before it is sent without waiting for more. */
    OUTBOX_BYTES = 65536,
    OUTBOX_ITEMS = 1024,
};

struct reactor;

struct socket {
    struct reactor *reactor;
    const struct behaviour *behaviour;
    int id;
    /* -1 once it is gone. */
    int descriptor;
    uint32_t interest;
    /* Not watched: the far end is gone and we are not to read. */
    bool parked;
    bool released;
    /* Goes on with what it has before the thread waits. */
    bool resumed;
    struct socket *next_released;
};

/* Something in the outbox. `kind` is the socket's own. */
struct item {
    struct socket *socket;
    size_t offset, length;
    int kind;
};

struct behaviour {
    /* Something can be read, or nothing ever again. */
    void (*readable)(struct socket *);
    /* Asked for by EPOLLOUT; NULL where it never is. */
    void (*writable)(struct socket *);
    /* Goes on with what was read and not told; asked for by `reactor_resume`, NULL where it never is. */
    void (*resume)(struct socket *);
    /* Sends items of its own that lie behind one another in `bytes`. */
    void (*send)(struct socket *, const uint8_t *bytes, const struct item *items, size_t count);
    /* Frees everything but the descriptor. */
    void (*free)(struct socket *);
};

/* Bytes that grow. */
struct bytes {
    uint8_t *data;
    size_t length, capacity;
};

struct reactor {
    napi_env env;
    napi_ref on_events, kept[3];
    napi_async_context context;
    napi_async_cleanup_hook_handle cleanup;
    uv_poll_t poll;
    uv_prepare_t before_waiting;
    int handles;
    int epoll;
    struct socket **sockets;
    int capacity, max_sockets, live, resumed;
    struct socket *released;
    /* In the middle of telling or reading. */
    bool busy, stopped;
    uint8_t *arena;
    size_t arena_bytes, used;
    int32_t *rows;
    size_t max_rows, row_count;
    /* Of each socket, two numbers: bytes that the kernel was seen not to take, and messages that it has not taken whole. */
    int32_t *backlog;
    struct bytes outbox;
    struct item items[OUTBOX_ITEMS];
    size_t item_count;
    /* Random bytes, and how many of them were used. */
    uint8_t random[4096];
    size_t drawn;
};

/* Takes over `descriptor`: 0. Or a negative errno, and it stays the caller's, as `socket` does. */
int reactor_add(struct reactor *, struct socket *, int descriptor, const struct behaviour *);
/* The socket of that number; NULL when there is none. */
struct socket *reactor_find(struct reactor *, int id);
/* What to wait for. */
void reactor_watch(struct socket *, uint32_t interest);
/* It has something to tell, though nothing may come any more: it goes on before the thread waits. */
void reactor_resume(struct socket *);
/* The descriptor is closed, JavaScript is told why, the number stays taken. */
void reactor_gone(struct socket *, int error);
/* Lets go of the number and of everything else. */
void reactor_release(struct socket *);

/* Room for `bytes` in the arena, after what is there was told if need be; NULL when it can never be had. */
uint8_t *reactor_room(struct reactor *, size_t bytes);
/* The first `bytes` of the room given last are in use. */
void reactor_use(struct reactor *, size_t bytes);
/* These bytes of the arena are in use still, though what was there was told meanwhile. */
void reactor_keep(struct reactor *, const uint8_t *from, size_t bytes);
/* Offset in the arena. */
int32_t reactor_offset(const struct reactor *, const uint8_t *);
bool reactor_is_full(const struct reactor *);
/* Tells what is in the rows and the arena, and empties both. Whatever it calls may release any socket. */
void reactor_flush(struct reactor *);
/* Writes one row. There is room unless `reactor_is_full`. */
void reactor_tell(struct socket *, enum event, int32_t a, int32_t b, int32_t c);

/* Room for `bytes` at the end of the outbox, and how much there is beyond; NULL when there is no memory. */
uint8_t *reactor_outbox(struct reactor *, size_t bytes, size_t *room);
/* The bytes from `from` on, within the room given last, are to be sent. */
void reactor_post(struct socket *, const uint8_t *from, size_t length, int kind);
/* Sends what is in the outbox. */
void reactor_send_all(struct reactor *);

/* Begins to wait; 0, or a negative errno. */
int reactor_start(struct reactor *);
/* Closes all. The memory is freed when the loop has let go of it. */
void reactor_stop(struct reactor *);

#endif
