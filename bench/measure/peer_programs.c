/* SPDX-License-Identifier: MIT
 *
 * Which peers there are and where. Programs in C lie in the folder peers/ beside balact, or in
 * lib/balact/peers where balact is installed, or in $BALACT_PEERS; PyTorch is whatever
 * $BALACT_PYTHON, or else python3, imports.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/peer_process.h"
#include "bench/program.h"

enum { COUNT = 5, IN_C = 2 };

static struct peer_program programs[COUNT] = {
    {.name = "onednn"},
    {.name = "xnnpack"},
    {.name = "torch", .arguments = {NULL, NULL, "eager"}, .warm_allocator = true},
    {.name = "torch_lean", .arguments = {NULL, NULL, "lean"}, .warm_allocator = true},
    {.name = "torch_compile", .arguments = {NULL, NULL, "compile"}, .warm_allocator = true},
};

static const char *const libraries[IN_C] = {
    "this build has no such peer: install libdnnl-dev and build again",
    "this build has no such peer: install libxnnpack-dev and build again"};

static struct peer_program of_heads = {
    .name = "torch", .arguments = {NULL, NULL, "head"}, .warm_allocator = true};

static bool find_program(const char *name, char *path, size_t size) {
    static const char *const places[] = {"peers", "../peers", "../lib/balact/peers"};
    char folder[PATH_MAX];
    const char *given = getenv("BALACT_PEERS");
    if (given && *given) {
        snprintf(path, size, "%s/%s", given, name);
        return access(path, X_OK) == 0;
    }
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, size, "%s/%s/%s", folder, places[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void find_torch(struct peer_program *program) {
    static char *script;
    const char *python = getenv("BALACT_PYTHON");
    if (!script)
        script = share_path("bench/peers/torch_peer.py");
    program->arguments[0] = python && *python ? python : "python3";
    program->arguments[1] = script;
    program->missing = script ? NULL : "bench/peers/torch_peer.py is nowhere";
}

const struct peer_program *peer_of_heads(void) {
    find_torch(&of_heads);
    return &of_heads;
}

const struct peer_program *peer_programs(size_t *count) {
    static char paths[IN_C][2 * PATH_MAX];
    for (int i = 0; i < IN_C; i++) {
        bool found = find_program(programs[i].name, paths[i], sizeof paths[i]);
        programs[i].arguments[0] = paths[i];
        programs[i].missing = found ? NULL : libraries[i];
    }
    for (int i = IN_C; i < COUNT; i++)
        find_torch(&programs[i]);
    *count = COUNT;
    return programs;
}
