/* SPDX-License-Identifier: MIT
 *
 * See peer_process.h.
 */
#include "bench/measure/peer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/peers/peer.h"
#include "bench/program.h"

/* The last line that a peer wrote to its standard error, which mostly says it all. */
static void last_words(const char *path, char *words, size_t size) {
    char line[256];
    FILE *file = fopen(path, "r");
    words[0] = '\0';
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " ")])
            snprintf(words, size, ": %.250s", line);
    }
    if (file)
        fclose(file);
}

/* Ends the peer with all that it started, and notes why. */
static void BALACT_PRINTF(2, 3) fail(struct peer_process *peer, const char *format, ...) {
    char words[272];
    va_list arguments;
    last_words(peer->log, words, sizeof words);
    va_start(arguments, format);
    vsnprintf(peer->why, sizeof peer->why, format, arguments);
    va_end(arguments);
    size_t used = strlen(peer->why);
    snprintf(peer->why + used, sizeof peer->why - used, "%s", words);
    peer->state = PEER_FAILED;
    if (peer->pid > 0) {
        kill(-peer->pid, SIGKILL); /* its group, which is its own */
        kill(peer->pid, SIGKILL);
        waitpid(peer->pid, NULL, 0);
        close(peer->line);
        peer->pid = 0;
    }
}

static void set_environment(const struct peer_program *program) {
    /* Threads that spin after their work would take the processors from whoever is timed next. */
    setenv("GOMP_SPINCOUNT", "10000", 1);
    setenv("KMP_BLOCKTIME", "1", 1);
    setenv("OMP_PROC_BIND", "true", 1); /* see place.h */
    if (!program->warm_allocator)
        return;
    setenv("MALLOC_MMAP_MAX_", "0", 1);
    setenv("MALLOC_TRIM_THRESHOLD_", "100000000000", 1);
    setenv("MALLOC_TOP_PAD_", "268435456", 1);
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
}

static _Noreturn void become(const struct peer_program *program, int line, const char *log) {
    int errors = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    setpgid(0, 0);
    dup2(line, STDIN_FILENO);
    dup2(line, STDOUT_FILENO);
    if (errors >= 0)
        dup2(errors, STDERR_FILENO);
    set_environment(program);
    char *words[PEER_WORDS + 1] = {NULL};
    for (int i = 0; i < PEER_WORDS && program->arguments[i]; i++)
        words[i] = (char *)(uintptr_t)program->arguments[i];
    execvp(words[0], words);
    /* No such program is no such peer: said as a peer would, in answer to the greeting. */
    const char *why = strerror(errno);
    char greeting[64];
    if (read(STDIN_FILENO, greeting, sizeof greeting) > 0)
        dprintf(STDOUT_FILENO, "skip %s cannot be started: %s\n", words[0], why);
    _exit(127);
}

static bool ask(struct peer_process *peer, const char *request) {
    size_t length = strlen(request), sent = 0;
    while (sent < length) {
        ssize_t n = send(peer->line, request + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            fail(peer, "died");
            return false;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The next line, without its end. false: none came. */
static bool hear(struct peer_process *peer, char *answer, size_t size) {
    double end = seconds_now() + peer->patience;
    for (;;) {
        char *newline = memchr(peer->buffer, '\n', peer->buffered);
        if (newline) {
            size_t length = (size_t)(newline - peer->buffer);
            snprintf(answer, size, "%.*s", (int)length, peer->buffer);
            peer->buffered -= length + 1;
            memmove(peer->buffer, newline + 1, peer->buffered);
            return true;
        }
        double left = end - seconds_now();
        struct pollfd wait = {.fd = peer->line, .events = POLLIN};
        int ready = left > 0.0 ? poll(&wait, 1, (int)(left * 1000.0) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0) {
            fail(peer, "gave no answer in %.3g s", peer->patience);
            return false;
        }
        ssize_t n =
            read(peer->line, peer->buffer + peer->buffered, sizeof peer->buffer - peer->buffered);
        if (n <= 0) {
            fail(peer, peer->buffered == sizeof peer->buffer ? "answered without end" : "died");
            return false;
        }
        peer->buffered += (size_t)n;
    }
}

/* Asks and hears; "error ..." ends the peer. */
static bool converse(struct peer_process *peer, const char *request, char *answer, size_t size) {
    if (peer->state != PEER_READY || !ask(peer, request) || !hear(peer, answer, size))
        return false;
    if (strncmp(answer, "error", 5) != 0)
        return true;
    fail(peer, "reports %s", answer);
    return false;
}

static void greet(struct peer_process *peer) {
    char answer[512], name[64];
    int protocol = 0;
    if (!converse(peer, "hello 1\n", answer, sizeof answer))
        return;
    if (!strncmp(answer, "skip ", 5)) {
        peer_stop(peer);
        snprintf(peer->why, sizeof peer->why, "%s", answer + 5);
        peer->state = PEER_ABSENT;
    } else if (sscanf(answer, "hello %d %63s %63s", &protocol, name, peer->version) != 3 ||
               protocol != PEER_PROTOCOL) {
        fail(peer, "greets with '%.200s'", answer);
    }
}

void peer_start(struct peer_process *peer, const struct peer_program *program, const char *log,
                double patience) {
    int pair[2];
    *peer = (struct peer_process){.program = program, .state = PEER_READY, .patience = patience};
    snprintf(peer->log, sizeof peer->log, "%s", log);
    if (program->missing) {
        peer->state = PEER_ABSENT;
        snprintf(peer->why, sizeof peer->why, "%s", program->missing);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        fail(peer, "has no line to it: %s", strerror(errno));
        return;
    }
    fflush(NULL);
    peer->pid = fork();
    if (peer->pid == 0)
        become(program, pair[1], log);
    close(pair[1]);
    peer->line = pair[0];
    if (peer->pid > 0)
        setpgid(peer->pid, peer->pid); /* as the child does; whoever comes first */
    if (peer->pid < 0) {
        close(pair[0]);
        fail(peer, "cannot be started: %s", strerror(errno));
        return;
    }
    greet(peer);
}

void peer_log_path(const char *folder, const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/balact-bench-%s-%ld.log", folder, name, (long)getpid());
}

bool peer_load(struct peer_process *peer, const struct timed_data *data,
               enum balact_operation operation, int threads) {
    const struct shared_file *shared = &data->shared;
    const struct timed_places *at = &data->at;
    char request[PEER_LINE];
    snprintf(request, sizeof request,
             "load activation=%s op=%s dtype=%s rows=%lld cols=%lld threads=%d grad_scale=%.17g "
             "file=%s size=%lld logits=%lld labels=%lld counts=%lld offset=%lld out=%lld "
             "loss=%lld\n",
             balact_activation_info(data->activation)->name, balact_operation_name(operation),
             dtype_name(data->dtype), (long long)data->shape->rows, (long long)data->shape->cols,
             threads, (double)data->problem.grad_scale, shared->path, (long long)shared->size,
             (long long)at->logits, (long long)at->labels, (long long)at->counts,
             (long long)at->offset, (long long)at->out, (long long)at->loss);
    return peer_ask_to_load(peer, request);
}

bool peer_ask_to_load(struct peer_process *peer, const char *request) {
    char answer[512];
    if (!converse(peer, request, answer, sizeof answer))
        return false;
    if (!strncmp(answer, "skip ", 5)) {
        snprintf(peer->why, sizeof peer->why, "%s", answer + 5);
        return false;
    }
    if (!strcmp(answer, "ok"))
        return true;
    fail(peer, "answers load with '%.200s'", answer);
    return false;
}

bool peer_run(struct peer_process *peer, long repeats, double *seconds) {
    char request[64], answer[512];
    snprintf(request, sizeof request, "run %ld\n", repeats);
    if (!converse(peer, request, answer, sizeof answer))
        return false;
    if (sscanf(answer, "seconds %lf", seconds) == 1 && *seconds > 0.0 && *seconds < 1e6)
        return true;
    fail(peer, "answers run with '%.200s'", answer);
    return false;
}

bool peer_fetch(struct peer_process *peer) {
    char answer[512];
    if (!converse(peer, "fetch\n", answer, sizeof answer))
        return false;
    if (!strcmp(answer, "ok"))
        return true;
    fail(peer, "answers fetch with '%.200s'", answer);
    return false;
}

void peer_stop(struct peer_process *peer) {
    if (peer->pid > 0) {
        if (send(peer->line, "quit\n", 5, MSG_NOSIGNAL) == 5) {
            for (int i = 0; i < 100 && waitpid(peer->pid, NULL, WNOHANG) == 0; i++)
                nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
        kill(-peer->pid, SIGKILL);
        waitpid(peer->pid, NULL, 0);
        close(peer->line);
        peer->pid = 0;
    }
    unlink(peer->log);
}
