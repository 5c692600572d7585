/* SPDX-License-Identifier: MIT
 *
 * Threads in fixed places and out of each other's way. Left to itself the system now and then wakes
 * both threads of a program on one processor, where one spins for the other until its time slice
 * ends: 8 ms where 70 us were to be timed.
 */
#ifndef BALACT_BENCH_MEASURE_PLACE_H
#define BALACT_BENCH_MEASURE_PLACE_H

#include <stdbool.h>

/* Binds the calling thread to the processor number index (modulo their number) of those that the
 * process was allowed at the first call. No effect where the system cannot. */
void place_thread(int index);

/* Lets the calling thread, and what it starts from now on, run on all of them again. */
void place_thread_anywhere(void);

/* Before a peer's turn: idle threads of ours may spin for milliseconds, and the peer needs the
 * processors. Whether they are gone: new ones are to be placed. */
bool let_idle_threads_go(void);

/* After a peer's turn: its threads spin for less than this takes, see set_environment(). */
void let_peer_fall_idle(void);

#endif
