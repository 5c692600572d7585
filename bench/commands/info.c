/* SPDX-License-Identifier: MIT
 *
 * balact info: what this build holds and what this machine can run.
 */
#include <stdio.h>
#include <string.h>

#include "balact/backend.h"
#include "bench/program.h"

#ifdef BALACT_HAVE_ARCHIVE
#include <archive.h>
#endif
#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif
#ifdef BALACT_HAVE_CRYPTO
#include <openssl/crypto.h>
#endif
#ifdef BALACT_HAVE_DNNL
#include <dnnl.h>
#endif
#ifdef BALACT_HAVE_OPENBLAS
#include <cblas-openblas.h>
#endif

static void print_processor(void) {
    char name[256];
    processor_name(name, sizeof name);
    printf("processor   %s\n", name);
#if defined(__x86_64__)
    printf("features    avx2 %s, fma %s, avx512f %s, avx512bw %s, avx512bf16 %s\n",
           __builtin_cpu_supports("avx2") ? "yes" : "no",
           __builtin_cpu_supports("fma") ? "yes" : "no",
           __builtin_cpu_supports("avx512f") ? "yes" : "no",
           __builtin_cpu_supports("avx512bw") ? "yes" : "no",
           __builtin_cpu_supports("avx512bf16") ? "yes" : "no");
#else
    printf("features    not x86-64: the reference backend alone\n");
#endif
    printf("threads     %d\n", balact_threads());
}

static void print_backends(void) {
    size_t count;
    const struct balact_backend *const *backends = balact_backends(&count);
    struct balact_error error;
    const struct balact_backend *best = balact_backend_default(&error);
    for (size_t b = 0; b < count; b++) {
        char why[256] = "";
        bool usable = backends[b]->usable(why, sizeof why);
        printf("backend     %-10s %s; head by %s%s%s%s\n", backends[b]->name,
               backends[b]->description,
               backends[b]->linear.library ? backends[b]->linear.library : "no library",
               backends[b] == best ? " [default]" : "", usable ? "" : " -- not usable: ", why);
    }
#ifndef BALACT_HAVE_AVX2
    printf("backend     avx2       not in this build\n");
#endif
#ifndef BALACT_HAVE_AVX512
    printf("backend     avx512     not in this build\n");
#endif
#ifndef BALACT_HAVE_CUDA
    printf("backend     cuda       not in this build\n");
#endif
    if (!best)
        printf("default     none: %s\n", error.message);
}

static void print_libraries(void) {
#ifdef BALACT_HAVE_ARCHIVE
    printf("archives    %s\n", archive_version_string());
#else
    printf("archives    folders only: built without libarchive (libarchive-dev)\n");
#endif
#ifdef BALACT_HAVE_JANSSON
    printf("json        jansson %s\n", JANSSON_VERSION);
#else
    printf("json        none: built without jansson (libjansson-dev)\n");
#endif
#ifdef BALACT_HAVE_INIH
    printf("definitions inih\n");
#else
    printf("definitions none: built without inih (libinih-dev)\n");
#endif
#ifdef BALACT_HAVE_CRYPTO
    printf("sha-256     %s\n", OpenSSL_version(OPENSSL_VERSION));
#else
    printf("sha-256     none: built without OpenSSL (libssl-dev)\n");
#endif
#ifdef BALACT_HAVE_DNNL
    const dnnl_version_t *dnnl = dnnl_version();
    printf("oneDNN      %d.%d.%d\n", dnnl->major, dnnl->minor, dnnl->patch);
#else
    printf("oneDNN      none: built without it (libdnnl-dev)\n");
#endif
#ifdef BALACT_HAVE_OPENBLAS
    printf("OpenBLAS    %s\n", openblas_get_config());
#else
    printf("OpenBLAS    none: built without it (libopenblas-openmp-dev)\n");
#endif
}

int balact_command_info(int argc, char **argv) {
    int extra = options_parse(argc, argv, "info",
                              "Prints backends, processor features and libraries.", NULL, 0);
    if (extra)
        die(EXIT_BAD_INPUT, "info: does not understand '%s'", argv[1]);
    printf("balact      %s, compiled by " __VERSION__ "\n", BALACT_VERSION);
    print_processor();
    print_backends();
    print_libraries();
    return EXIT_FINE;
}
