/* SPDX-License-Identifier: MIT
 *
 * See peer.h: the side of the protocol that all peers in C share.
 */
#include "bench/peers/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static char *mapped;
static size_t mapped_size;

void *peer_memory(size_t size) {
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    madvise(memory, size, MADV_HUGEPAGE); /* aligned to pages or refused, as the system likes */
    memset(memory, 0, size);
    return memory;
}

/* The value of key in a line of KEY=VALUE words, or "". */
static const char *value_of(const char *line, const char *key, char *value, size_t size) {
    size_t length = strlen(key);
    value[0] = '\0';
    for (const char *word = line; word; word = strchr(word, ' ')) {
        word += strspn(word, " ");
        if (!strncmp(word, key, length) && word[length] == '=')
            snprintf(value, size, "%.*s", (int)strcspn(word + length + 1, " \n"),
                     word + length + 1);
    }
    return value;
}

static int64_t number_of(const char *line, const char *key) {
    char value[32];
    return strtoll(value_of(line, key, value, sizeof value), NULL, 10);
}

static bool map(const char *line) {
    char path[1024];
    if (mapped)
        munmap(mapped, mapped_size);
    mapped = NULL;
    mapped_size = (size_t)number_of(line, "size");
    int file = open(value_of(line, "file", path, sizeof path), O_RDWR | O_CLOEXEC);
    if (file < 0)
        return false;
    void *memory = mmap(NULL, mapped_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    mapped = memory == MAP_FAILED ? NULL : memory;
    return mapped;
}

static enum peer_answer load(const struct peer *peer, const char *line,
                             struct peer_problem *problem, char *why, size_t size) {
    char value[64];
    memset(problem, 0, sizeof *problem);
    value_of(line, "activation", problem->activation, sizeof problem->activation);
    value_of(line, "op", problem->op, sizeof problem->op);
    value_of(line, "dtype", problem->dtype, sizeof problem->dtype);
    problem->rows = number_of(line, "rows");
    problem->cols = number_of(line, "cols");
    problem->threads = (int)number_of(line, "threads");
    problem->grad_scale = strtod(value_of(line, "grad_scale", value, sizeof value), NULL);
    if (problem->rows < 1 || problem->cols < 1 || problem->threads < 1 || !map(line)) {
        snprintf(why, size, "cannot read or map what load names");
        return PEER_ERROR;
    }
    problem->logits = (const float *)(mapped + number_of(line, "logits"));
    problem->labels = (const int32_t *)(mapped + number_of(line, "labels"));
    problem->counts = (const float *)(mapped + number_of(line, "counts"));
    problem->offset = (const float *)(mapped + number_of(line, "offset"));
    problem->out = (float *)(mapped + number_of(line, "out"));
    problem->loss = (double *)(mapped + number_of(line, "loss"));
    if (strcmp(problem->dtype, "f32") != 0) {
        snprintf(why, size, "this peer is timed in f32 alone");
        return PEER_SKIP;
    }
    return peer->load(problem, why, size);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void answer(FILE *to, enum peer_answer answer, const char *why) {
    if (answer == PEER_OK)
        fputs("ok\n", to);
    else
        fprintf(to, "%s %s\n", answer == PEER_SKIP ? "skip" : "error", why);
}

static void run(const struct peer *peer, FILE *to, int64_t count) {
    char why[512] = "";
    enum peer_answer status = PEER_OK;
    double begin = now();
    for (int64_t i = 0; i < count && status == PEER_OK; i++)
        status = peer->run(why, sizeof why);
    double seconds = now() - begin;
    if (peer->settle)
        peer->settle();
    if (status == PEER_OK)
        fprintf(to, "seconds %.9e\n", seconds);
    else
        answer(to, PEER_ERROR, why);
}

int peer_main(const struct peer *peer) {
    char line[PEER_LINE], why[512];
    struct peer_problem problem;
    bool loaded = false;
    /* What a library prints must not get between the answers. */
    FILE *to = fdopen(dup(STDOUT_FILENO), "w");
    if (!to || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        why[0] = '\0';
        if (!strncmp(line, "hello ", 6)) {
            fprintf(to, "hello %d %s %s\n", PEER_PROTOCOL, peer->name, peer->version);
        } else if (!strncmp(line, "load ", 5)) {
            enum peer_answer status = load(peer, line, &problem, why, sizeof why);
            loaded = status == PEER_OK;
            answer(to, status, why);
        } else if (!strncmp(line, "run ", 4) && loaded) {
            run(peer, to, strtoll(line + 4, NULL, 10));
        } else if (!strncmp(line, "fetch", 5) && loaded) {
            peer->fetch(&problem);
            answer(to, PEER_OK, NULL);
        } else if (!strncmp(line, "quit", 4)) {
            break;
        } else {
            answer(to, PEER_ERROR, loaded ? "no such request" : "nothing is loaded");
        }
        fflush(to);
    }
    fclose(to);
    return 0;
}
