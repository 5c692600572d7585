/* SPDX-License-Identifier: MIT
 *
 * Finds cuBLASLt: the version that this build was made with, then others whose interface is the
 * same in what is used here.
 */
#include "optimized/cuda/cublaslt.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "optimized/cuda/runtime.h"

namespace balact_cuda {

#ifdef BALACT_HAVE_CUBLASLT
static cublaslt table;
static char why[256];
static pthread_once_t looked = PTHREAD_ONCE_INIT;

#ifdef BALACT_CUDA_EMULATED
static bool load() {
#define BALACT_CUBLASLT_TAKE(member, function) table.member = function;
    BALACT_CUBLASLT_LIST(BALACT_CUBLASLT_TAKE)
#undef BALACT_CUBLASLT_TAKE
    return true;
}
#else
#define BALACT_TEXT_OF(x)  #x
#define BALACT_TEXT(x)     BALACT_TEXT_OF(x)
#define BALACT_CUBLASLT_SO "libcublasLt.so." BALACT_TEXT(CUBLAS_VER_MAJOR)
#ifndef BALACT_CUDA_LIBRARIES
#define BALACT_CUDA_LIBRARIES "/usr/local/cuda/lib64"
#endif

/* By the loader's rules first, then where the toolkit of the build is. */
static void *open_library() {
    static const char *const names[] = {
        BALACT_CUBLASLT_SO, BALACT_CUDA_LIBRARIES "/" BALACT_CUBLASLT_SO,
        "/usr/local/cuda/lib64/" BALACT_CUBLASLT_SO, "libcublasLt.so.13", "libcublasLt.so.12"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library && i == 0) {
            const char *error = dlerror();
            snprintf(why, sizeof why, "no cuBLASLt: %.200s", error ? error : "not found");
        }
    }
    return library;
}

static bool load() {
    void *library = open_library(), *symbol = NULL;
    if (!library)
        return false;
#define BALACT_CUBLASLT_TAKE(member, function)                                                     \
    symbol = dlsym(library, #function);                                                            \
    if (!symbol) {                                                                                 \
        snprintf(why, sizeof why, "this cuBLASLt has no " #function);                              \
        return false;                                                                              \
    }                                                                                              \
    table.member = (decltype(table.member))symbol;
    BALACT_CUBLASLT_LIST(BALACT_CUBLASLT_TAKE)
#undef BALACT_CUBLASLT_TAKE
    return true;
}
#endif

/* The handle lives as long as the process: nobody knows of a last use. */
static void look() {
    if (!load())
        return;
    cublasStatus_t status = table.create(&table.handle);
    if (status != CUBLAS_STATUS_SUCCESS) {
        table.handle = NULL;
        snprintf(why, sizeof why, "cublasLtCreate failed with status %d", (int)status);
    }
}

const cublaslt *cublaslt_find() {
    if (!usable(NULL, 0))
        return NULL;
    pthread_once(&looked, look);
    if (!table.handle)
        fail(BALACT_ERROR_UNSUPPORTED, "%s", why);
    return table.handle ? &table : NULL;
}

void products_describe(char *text, size_t size) {
    const cublaslt *lt = cublaslt_find();
    if (!lt) {
        snprintf(text, size, "%s", why);
        return;
    }
    size_t version = lt->version(); /* 130100 is 13.1.0 */
    snprintf(text, size, "cuBLASLt %d.%d.%d", (int)(version / 10000), (int)(version / 100 % 100),
             (int)(version % 100));
}
#else
void products_describe(char *text, size_t size) {
    snprintf(text, size, "no matrix products: built without cublasLt.h");
}
#endif

} // namespace balact_cuda
