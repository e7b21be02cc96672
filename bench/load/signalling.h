/*
 * The signalling of the phones (RFC 3261, UDP): every call is answered at once and every request agreed to. What it
 * does not do is what loopback does not need: nothing is sent again.
 */
#ifndef SIGNALLING_H
#define SIGNALLING_H

/* Opens the socket; its port. `sound_port` is where all phones want to hear. */
int signalling_open(int sound_port);
int signalling_socket(void);
/* Takes what has come. */
void signalling_receive(void);
/* From here on the phones are silent, and each answer is told as a line of JSON: who called, and when (ms, monotonic). */
void signalling_tell(void);

#endif
