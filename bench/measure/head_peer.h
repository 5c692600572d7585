/* SPDX-License-Identifier: MIT
 *
 * The training step of a head by a peer (bench/peers/peer.h), verified by our own and timed.
 */
#ifndef BALACT_BENCH_MEASURE_HEAD_PEER_H
#define BALACT_BENCH_MEASURE_HEAD_PEER_H

#include "bench/measure/head_step.h"
#include "bench/measure/peer_process.h"

/* The same function is asked for, not our precision: as of the peers of kernels. */
#define HEAD_PEER_BOUND 1e-4

/* Two steps by the peer and two by the fused call from the same weights, velocities zero:
 * *error is the largest relative difference of loss, velocities (which hold the gradients, the
 * momentum and the decay) and dx. false: it has no such step (state PEER_READY), is absent or
 * failed; why says it. The step's weights move on. */
bool head_peer_verify(struct peer_process *peer, struct step *step, int threads, double *error);

/* One more step; false: it failed. */
bool head_peer_time(struct peer_process *peer, int threads, double *seconds);

#endif
