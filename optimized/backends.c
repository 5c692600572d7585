/* SPDX-License-Identifier: MIT
 *
 * The list of backends, best first, and how many threads the CPU ones use.
 */
#include "optimized/backends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static const struct balact_backend *const backends[] = {
#ifdef BALACT_HAVE_CUDA
    &balact_backend_cuda,
#endif
#ifdef BALACT_HAVE_AVX512
    &balact_backend_avx512,
#endif
#ifdef BALACT_HAVE_AVX2
    &balact_backend_avx2,
#endif
    &balact_backend_reference,
};

const struct balact_backend *const *balact_backends(size_t *count) {
    *count = sizeof backends / sizeof *backends;
    return backends;
}

const struct balact_backend *balact_backend_find(const char *name) {
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (!strcmp(backends[i]->name, name))
            return backends[i];
    return NULL;
}

static const struct balact_backend *forced(const char *name, struct balact_error *error) {
    const struct balact_backend *backend = balact_backend_find(name);
    char why[256] = "";
    if (!backend) {
        char names[128] = "";
        for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                     backends[i]->name);
        }
        balact_fail(error, BALACT_ERROR_UNSUPPORTED,
                    "no backend '%s' in this build, which has %s (from BALACT_BACKEND or "
                    "--backend)",
                    name, names);
        return NULL;
    }
    if (!backend->usable(why, sizeof why)) {
        balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend %s cannot run here: %s", name, why);
        return NULL;
    }
    return backend;
}

const struct balact_backend *balact_backend_default(struct balact_error *error) {
    const char *name = getenv("BALACT_BACKEND");
    if (name && *name)
        return forced(name, error);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (backends[i]->usable(NULL, 0))
            return backends[i];
    return &balact_backend_reference;
}

const char *balact_backend_message(const struct balact_backend *backend, balact_status status) {
    const char *message = backend->message ? backend->message(status) : "";
    return *message ? message : balact_status_name(status);
}

int balact_threads(void) {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

void balact_set_threads(int threads) {
#ifdef _OPENMP
    if (threads > 0)
        omp_set_num_threads(threads);
#else
    (void)threads;
#endif
}
