/* SPDX-License-Identifier: MIT
 *
 * Threads in fixed places. Left to itself the system now and then wakes both threads of a program
 * on one processor, where one spins for the other until its time slice ends: 8 ms where 70 us were
 * to be timed.
 */
#ifndef BALACT_BENCH_MEASURE_PLACE_H
#define BALACT_BENCH_MEASURE_PLACE_H

/* Binds the calling thread to the processor number index (modulo their number) of those that the
 * process was allowed at the first call. No effect where the system cannot. */
void place_thread(int index);

/* Lets the calling thread, and what it starts from now on, run on all of them again. */
void place_thread_anywhere(void);

#endif
