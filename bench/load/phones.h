/*
 * The sound of many phones on one UDP socket, told apart by the port that answers: each sends a numbered
 * frame every 20 ms and measures when it comes back, by the kernel's time stamp of its arrival.
 */
#ifndef PHONES_H
#define PHONES_H

/* Opens the socket; its port. */
int phones_open(void);
int phones_socket(void);
/* One phone more, whose calls' sound is at that port of this machine. */
void phones_add(int remote_port);
/* The sound of the call at one port is at another now. */
void phones_move(int old_port, int new_port);
/* Sends what is due; called every few milliseconds. */
void phones_tick(void);
/* Takes what has come. */
void phones_receive(void);
/* Begins to count. */
void phones_measure(void);
/* Frames sent from here on do not count. */
void phones_stop(void);
/* Sends nothing for so long, then everything at once: jitter. */
void phones_hold(int ms);
/* Writes what was measured since `phones_measure` as a line of JSON, or since the last window and begins another. */
void phones_report(void);
void phones_window(void);

#endif
