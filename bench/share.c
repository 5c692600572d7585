/* SPDX-License-Identifier: MIT
 *
 * Finding the files that belong to the program: figure scripts, claims, definitions of experiments.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/program.h"

/* realpath of folder/middle/name if it can be read, else NULL. Installed files stand without the
 * source tree's bench/ before them. */
static char *look_in(const char *folder, const char *middle, const char *name) {
    static const char prefix[] = "bench/";
    char path[PATH_MAX];
    bool shorter = !strncmp(name, prefix, sizeof prefix - 1);
    for (int i = 0; i <= (int)shorter; i++) {
        int length = snprintf(path, sizeof path, "%s/%s%s", folder, middle,
                              i ? name + sizeof prefix - 1 : name);
        if (length > 0 && (size_t)length < sizeof path && access(path, R_OK) == 0)
            return realpath(path, NULL);
    }
    return NULL;
}

/* The folder of the running program, or "" where the system does not tell. */
static void program_folder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
}

char *share_path(const char *name) {
    /* build/balact and build/tests/test_x; then as installed */
    static const char *const places[] = {"../", "../../", "../share/balact/"};
    char folder[PATH_MAX];
    const char *given = getenv("BALACT_SHARE");
    if (given && *given) /* somebody said where: nothing else will do */
        return look_in(given, "", name);
    char *found = look_in(".", "", name);
    program_folder(folder);
    for (size_t i = 0; !found && folder[0] && i < sizeof places / sizeof *places; i++)
        found = look_in(folder, places[i], name);
    return found;
}
