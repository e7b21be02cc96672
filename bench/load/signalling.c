/* The signalling of the phones: see signalling.h. */
#define _GNU_SOURCE
#include "signalling.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "now.h"
#include "phones.h"

enum {
    MESSAGE = 8192,
    MAX_CALLS = 8192,
    CALL_ID = 128,
    USER = 64,
};

/* A call and where its sound is at the system. */
struct call {
    char id[CALL_ID];
    int port;
};

static int signals = -1, own_port, sound, telling;
static struct call calls[MAX_CALLS];
static int count;

int signalling_socket(void)
{
    return signals;
}

int signalling_open(int sound_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signals = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind(signals, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    getsockname(signals, (struct sockaddr *)&address, &length);
    sound = sound_port;
    return own_port = ntohs(address.sin_port);
}

void signalling_tell(void)
{
    telling = 1;
}

/* The next header from `at` on whose name is this; NULL when there is none. Our own stack writes no short forms. */
static const char *header(const char *at, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(at, "\r\n"); line != NULL && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
            return line + 2;
    return NULL;
}

static int line_length(const char *line)
{
    return (int)strcspn(line, "\r");
}

/* Adds all headers of the name as they came; where the answer goes on. */
static char *copy(char *into, const char *message, const char *name)
{
    for (const char *at = message; (at = header(at, name)) != NULL;)
        into += sprintf(into, "%.*s\r\n", line_length(at), at);
    return into;
}

/* A call by its Call-ID, a new one if it is not known; NULL when there are too many. */
static struct call *call_of(const char *message)
{
    const char *line = header(message, "Call-ID");
    char id[CALL_ID];
    if (line == NULL)
        return NULL;
    snprintf(id, sizeof id, "%.*s", line_length(line), line);
    /* One search an INVITE among some thousands, the newest first. */
    for (int i = count - 1; i >= 0; i--)
        if (strcmp(calls[i].id, id) == 0)
            return &calls[i];
    if (count == MAX_CALLS)
        return NULL;
    strcpy(calls[count].id, id);
    calls[count].port = 0;
    return &calls[count++];
}

static int answer(const char *message, int with_sound, char *into)
{
    const char *to = header(message, "To");
    char *at = into + sprintf(into, "SIP/2.0 200 OK\r\n"), body[256];
    int length = 0;
    at = copy(at, message, "Via");
    at = copy(at, message, "Record-Route");
    at = copy(at, message, "From");
    if (to != NULL)
        at += sprintf(at, "%.*s%s\r\n", line_length(to), to, memmem(to, (size_t)line_length(to), ";tag=", 5) ? "" : ";tag=phone");
    at = copy(at, message, "Call-ID");
    at = copy(at, message, "CSeq");
    if (with_sound) {
        length = snprintf(body, sizeof body,
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n", sound);
        at += sprintf(at, "Contact: <sip:phone@127.0.0.1:%d>\r\nContent-Type: application/sdp\r\n", own_port);
    }
    at += sprintf(at, "Content-Length: %d\r\n\r\n", length);
    memcpy(at, body, (size_t)length);
    return (int)(at - into) + length;
}

static void tell(const char *message, double invited_ms)
{
    const char *from = header(message, "From"), *user = from == NULL ? NULL : strstr(from, "sip:");
    if (user == NULL)
        return;
    user += strlen("sip:");
    printf("{\"kind\":\"answered\",\"from\":\"%.*s\",\"invitedMs\":%.3f,\"answeredMs\":%.3f}\n",
        (int)strcspn(user, "@>;\r"), user, invited_ms, now_ms());
    fflush(stdout);
}

/* An INVITE, the first or a later one of its call: its sound is where the offer says. */
static void connect_sound(const char *message)
{
    const char *media = strstr(message, "\r\nm=audio ");
    struct call *call = call_of(message);
    if (media == NULL || call == NULL)
        return;
    int port = atoi(media + strlen("\r\nm=audio "));
    if (call->port == 0)
        phones_add(port);
    else
        phones_move(call->port, port);
    call->port = port;
}

static void take(const char *message, const struct sockaddr_in *source)
{
    static char into[2 * MESSAGE];
    double at = now_ms();
    int is_invite = strncmp(message, "INVITE ", 7) == 0;
    if (strncmp(message, "ACK ", 4) == 0 || strncmp(message, "SIP/2.0 ", 8) == 0)
        return;
    int length = answer(message, is_invite, into);
    sendto(signals, into, (size_t)length, 0, (const struct sockaddr *)source, sizeof *source);
    if (is_invite && telling)
        tell(message, at);
    else if (is_invite)
        connect_sound(message);
}

void signalling_receive(void)
{
    static char message[MESSAGE + 1];
    struct sockaddr_in source;
    socklen_t length = sizeof source;
    ssize_t got;
    while ((got = recvfrom(signals, message, MESSAGE, 0, (struct sockaddr *)&source, &length)) >= 0) {
        message[got] = 0;
        take(message, &source);
    }
}
