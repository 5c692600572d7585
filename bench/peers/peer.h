/* SPDX-License-Identifier: MIT
 *
 * Peers: other people's implementations, each in a program of its own, so that a library that is
 * missing, crashes or drags in another OpenMP harms nobody. balact bench kernels starts them, has
 * them compute on the very data that its own backends get, verifies the results and times them in
 * turns with the others.
 *
 * The protocol, version 1. Lines of words over standard input and output, one answer to each
 * request; everything else that a peer has to say goes to standard error.
 *
 * - `hello 1` is answered `hello 1 NAME VERSION` (VERSION: one word), or `skip REASON` where there
 *   is nothing to be had of this peer here.
 * - `load KEY=VALUE ...` is answered `ok` when the problem is ready to run, buffers touched, or
 *   `skip REASON` where this peer has no such operation.
 * - `run N` is answered `seconds S`: N runs in a row took S seconds in all.
 * - `fetch` is answered `ok` when the results of the last run lie in the file.
 * - `quit` ends the peer.
 *
 * Any answer may be `error REASON` instead. Keys of load, all given:
 *
 * - activation: softmax, sigmoid, balanced_softmax, balanced_sigmoid
 * - op: forward or loss_grad; or head_step, below
 * - dtype: f32, bf16, f16
 * - rows, cols, threads
 * - grad_scale: the gradient wanted is that of grad_scale x the sum of the rows' losses
 * - file, size: path and bytes of a file to be mapped; the rest are offsets into it, multiples of
 *   64
 * - logits: dtype [rows][cols]
 * - labels: int32 [rows], each in [0, cols)
 * - counts: float [cols], images of each class
 * - offset: float [cols], what a balanced activation adds to a logit (balact_offset())
 * - out: dtype [rows][cols], written by fetch: probabilities or gradient
 * - loss: double, written by fetch: grad_scale x the sum of the losses, NAN if the peer has none
 *
 * op=head_step is a training step of a linear layer of dim inputs, of which a run makes one more.
 * It has labels, offset and loss as above, no logits, counts or out, and the keys
 *
 * - dim, grad_input (1: the gradient of x is wanted)
 * - lr, momentum, decay: of SGD from zero velocities; decay is of the weights alone
 * - x float [rows][dim], weight float [cols][dim], bias float [cols]
 * - dweight float [cols][dim], dbias float [cols], written by fetch: the velocities, momentum x the
 *   one before + gradient + decay x weight
 * - dx float [rows][dim], written by fetch if wanted: the gradient of x in the last step
 *
 * A peer computes in buffers of its own, made by load. File contents do not change until the next
 * load. Between requests a peer must leave the processors idle.
 *
 * A peer in C fills in struct peer and ends in peer_main().
 */
#ifndef BALACT_BENCH_PEERS_PEER_H
#define BALACT_BENCH_PEERS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_PROTOCOL = 1, PEER_LINE = 2048 };

/* What load says, mapped. The memory lives until the next load. */
struct peer_problem {
    char activation[32], op[32], dtype[8];
    int64_t rows, cols;
    int threads;
    double grad_scale;
    const float *logits;
    const int32_t *labels;
    const float *counts, *offset;
    float *out;
    double *loss;
};

enum peer_answer { PEER_OK, PEER_SKIP, PEER_ERROR };

struct peer {
    const char *name;
    char version[64];
    /* Makes ready for problem, which has dtype f32, and drops what the one before needed. */
    enum peer_answer (*load)(const struct peer_problem *problem, char *why, size_t size);
    enum peer_answer (*run)(char *why, size_t size); /* once */
    void (*fetch)(const struct peer_problem *problem);
    void (*settle)(void); /* after runs: sends threads that spin to sleep; may be NULL */
};

/* Serves requests until quit or the end of input; what main() returns. */
int peer_main(const struct peer *peer);

/* size bytes, aligned to 64 and written to once; ends the program where there is no memory. */
void *peer_memory(size_t size);

#endif
