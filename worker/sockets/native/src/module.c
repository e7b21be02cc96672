/*
 * What JavaScript sees of the reactor: a few functions over small numbers. Numbers below zero are errno, negated.
 * reactor.ts is the only caller and says what each of them means.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "datagram.h"
#include "websocket.h"

enum { MAX_ARGUMENTS = 4, USUAL_MESSAGE = 4096 };

struct call {
    struct reactor *reactor;
    size_t count;
    napi_value arguments[MAX_ARGUMENTS];
};

static struct call begin(napi_env env, napi_callback_info info)
{
    struct call call = {.count = MAX_ARGUMENTS};
    napi_get_cb_info(env, info, &call.count, call.arguments, NULL, NULL);
    napi_get_instance_data(env, (void **)&call.reactor);
    return call;
}

static napi_value number(napi_env env, int value)
{
    napi_value result;
    napi_create_int32(env, value, &result);
    return result;
}

static int as_int(napi_env env, napi_value value)
{
    int32_t result = -1;
    napi_get_value_int32(env, value, &result);
    return result;
}

static const uint8_t *as_bytes(napi_env env, napi_value value, size_t *length)
{
    void *data = NULL;
    *length = 0;
    napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL);
    return data;
}

static struct socket *socket_of(napi_env env, const struct call *call)
{
    return call->reactor == NULL ? NULL : reactor_find(call->reactor, as_int(env, call->arguments[0]));
}

/* openDatagram(host, port, receiveBytes) */
static napi_value open_datagram(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    char host[NI_MAXHOST];
    size_t length;
    if (call.reactor == NULL || napi_get_value_string_latin1(env, call.arguments[0], host, sizeof host, &length) != napi_ok)
        return number(env, -EINVAL);
    int port = as_int(env, call.arguments[1]), receive_bytes = as_int(env, call.arguments[2]);
    return number(env, datagram_open(call.reactor, host, port, receive_bytes));
}

/* aim(socket, host, port) */
static napi_value aim(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    char host[NI_MAXHOST];
    size_t length;
    if (socket == NULL || !is_datagram(socket) ||
        napi_get_value_string_latin1(env, call.arguments[1], host, sizeof host, &length) != napi_ok)
        return number(env, -EINVAL);
    return number(env, datagram_aim(socket, host, as_int(env, call.arguments[2])));
}

/* sendDatagram(socket, bytes) */
static napi_value send_datagram(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    if (socket == NULL || !is_datagram(socket))
        return number(env, -EBADF);
    size_t length;
    const uint8_t *bytes = as_bytes(env, call.arguments[1], &length);
    return number(env, datagram_send(socket, bytes, length));
}

/* adopt(descriptor, head) */
static napi_value adopt(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    if (call.reactor == NULL)
        return number(env, -EINVAL);
    size_t length;
    const uint8_t *head = as_bytes(env, call.arguments[1], &length);
    return number(env, websocket_adopt(call.reactor, as_int(env, call.arguments[0]), head, length));
}

/* limitUnsent(descriptor, bytes): of a TCP socket, whose else it may be. What is on its way counts for nothing. */
static napi_value limit_unsent(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    int descriptor = as_int(env, call.arguments[0]), bytes = as_int(env, call.arguments[1]);
    int failed = setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
    return number(env, failed == 0 ? 0 : -errno);
}

/* sendText(socket, text) */
static napi_value send_text(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    if (socket == NULL || !is_websocket(socket))
        return number(env, -EBADF);
    size_t room = 0, length = 0;
    uint8_t *payload = websocket_payload(call.reactor, USUAL_MESSAGE, &room);
    if (payload != NULL)
        napi_get_value_string_utf8(env, call.arguments[1], (char *)payload, room, &length);
    /* It may have been cut: a character has four bytes at most, and the end takes one. */
    if (length + 5 > room) {
        napi_get_value_string_utf8(env, call.arguments[1], NULL, 0, &length);
        payload = websocket_payload(call.reactor, length + 1, &room);
        if (payload != NULL)
            napi_get_value_string_utf8(env, call.arguments[1], (char *)payload, room, &length);
    }
    if (payload == NULL)
        return number(env, -ENOMEM);
    websocket_send(socket, OP_TEXT, payload, length);
    return number(env, 0);
}

/* sendBytes(socket, opcode, bytes) */
static napi_value send_bytes(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    if (socket == NULL || !is_websocket(socket))
        return number(env, -EBADF);
    size_t room, length;
    const uint8_t *bytes = as_bytes(env, call.arguments[2], &length);
    uint8_t *payload = websocket_payload(call.reactor, length, &room);
    if (payload == NULL)
        return number(env, -ENOMEM);
    if (length > 0)
        memcpy(payload, bytes, length);
    websocket_send(socket, (enum opcode)as_int(env, call.arguments[1]), payload, length);
    return number(env, 0);
}

/* push() */
static napi_value push(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    if (call.reactor != NULL)
        reactor_send_all(call.reactor);
    return NULL;
}

/* setReading(socket, reading) */
static napi_value set_reading(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    bool reading = true;
    napi_get_value_bool(env, call.arguments[1], &reading);
    if (socket != NULL && is_websocket(socket))
        websocket_set_reading(socket, reading);
    return NULL;
}

/* close(socket): its number may be another's from the next wake-up on. */
static napi_value close_socket(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct socket *socket = socket_of(env, &call);
    if (socket != NULL)
        reactor_release(socket);
    return NULL;
}

static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data)
{
    (void)handle;
    reactor_stop(data);
}

static void keep_arguments(struct reactor *reactor, const napi_value arguments[4])
{
    napi_env env = reactor->env;
    size_t numbers;
    napi_create_reference(env, arguments[0], 1, &reactor->on_events);
    for (int at = 0; at < 3; at++)
        napi_create_reference(env, arguments[at + 1], 1, &reactor->kept[at]);
    reactor->arena = (uint8_t *)as_bytes(env, arguments[1], &reactor->arena_bytes);
    reactor->rows = (int32_t *)as_bytes(env, arguments[2], &numbers);
    reactor->max_rows = numbers / ROW;
    reactor->backlog = (int32_t *)as_bytes(env, arguments[3], &numbers);
    reactor->max_sockets = (int)(numbers / 2);
}

/* start(onEvents, arena, rows, backlog) */
static napi_value start(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    struct reactor *reactor = call.reactor == NULL ? calloc(1, sizeof *reactor) : NULL;
    if (reactor == NULL)
        return number(env, -EBUSY);
    napi_value name;
    reactor->env = env;
    keep_arguments(reactor, call.arguments);
    napi_create_string_utf8(env, "media-sockets", NAPI_AUTO_LENGTH, &name);
    napi_async_init(env, NULL, name, &reactor->context);
    int failed = reactor_start(reactor);
    if (failed != 0) {
        free(reactor);
        return number(env, failed);
    }
    napi_set_instance_data(env, reactor, NULL, NULL);
    napi_add_async_cleanup_hook(env, on_cleanup, reactor, &reactor->cleanup);
    return number(env, 0);
}

/* stop() */
static napi_value stop(napi_env env, napi_callback_info info)
{
    struct call call = begin(env, info);
    if (call.reactor == NULL)
        return NULL;
    napi_set_instance_data(env, NULL, NULL, NULL);
    reactor_stop(call.reactor);
    return NULL;
}

static napi_value init(napi_env env, napi_value exports)
{
    static const napi_property_descriptor functions[] = {
        {"start", NULL, start, NULL, NULL, NULL, napi_enumerable, NULL},
        {"stop", NULL, stop, NULL, NULL, NULL, napi_enumerable, NULL},
        {"openDatagram", NULL, open_datagram, NULL, NULL, NULL, napi_enumerable, NULL},
        {"aim", NULL, aim, NULL, NULL, NULL, napi_enumerable, NULL},
        {"sendDatagram", NULL, send_datagram, NULL, NULL, NULL, napi_enumerable, NULL},
        {"adopt", NULL, adopt, NULL, NULL, NULL, napi_enumerable, NULL},
        {"limitUnsent", NULL, limit_unsent, NULL, NULL, NULL, napi_enumerable, NULL},
        {"sendText", NULL, send_text, NULL, NULL, NULL, napi_enumerable, NULL},
        {"sendBytes", NULL, send_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
        {"push", NULL, push, NULL, NULL, NULL, napi_enumerable, NULL},
        {"setReading", NULL, set_reading, NULL, NULL, NULL, napi_enumerable, NULL},
        {"close", NULL, close_socket, NULL, NULL, NULL, napi_enumerable, NULL},
    };
    napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
    return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
