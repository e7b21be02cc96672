/*
 * The developer's side: a WebSocket server (RFC 6455) that sends each media payload back as it came, for
 * streams of the path `/two-way` (JSON) and `/duplex` (binary); it only listens to any other.
 */
#ifndef APP_H
#define APP_H

/* Opens the listening socket, to be watched by `epoll`; its port. */
int app_open(int epoll);
/* Tells the first media message of each stream as a line of JSON: its path, and when (ms, monotonic). */
void app_tell(void);
/* Takes care of a socket of ours that is readable; 0 when it is none. */
int app_ready(int socket);
/* Sockets opened from here on have next to no room in this machine's kernel for what is not read. */
void app_narrow(void);
/* Whether what comes on the sockets that are open is read. */
void app_listen(int listens);
/* Keeps what would be sent back for so long, then sends it at once. */
void app_hold(int ms);
/* Sends what was kept, once its time has come. */
void app_tick(void);

#endif
