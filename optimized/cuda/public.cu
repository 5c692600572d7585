/* SPDX-License-Identifier: MIT
 *
 * The calls of balact/cuda.h.
 */
#include "balact/cuda.h"

#include <stdio.h>

#include "optimized/cuda/cublaslt.h"
#include "optimized/cuda/runtime.h"

using namespace balact_cuda;

static balact_status need_device(struct balact_error *error) {
    char why[256] = "";
    if (usable(why, sizeof why))
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend cuda cannot run here: %s", why);
}

extern "C" balact_status balact_cuda_set_stream(struct CUstream_st *stream,
                                                struct balact_error *error) {
    balact_status status = need_device(error);
    if (status == BALACT_OK)
        set_stream(stream);
    return status;
}

extern "C" balact_status balact_cuda_reset_stream(struct balact_error *error) {
    reset_stream();
    return need_device(error);
}

extern "C" balact_status balact_cuda_stream(struct CUstream_st **stream,
                                            struct balact_error *error) {
    balact_status status = need_device(error);
    return status == BALACT_OK ? current_stream(stream) : status;
}

extern "C" balact_status balact_cuda_describe(struct balact_cuda_facts *facts,
                                              struct balact_error *error) {
    balact_status status = need_device(error);
    if (status != BALACT_OK)
        return status;
    const device_description &device = description();
    snprintf(facts->name, sizeof facts->name, "%s", device.name);
    facts->major = balact_cuda::facts().major;
    facts->minor = balact_cuda::facts().minor;
    facts->multiprocessors = balact_cuda::facts().multiprocessors;
    facts->memory_bytes = device.memory_bytes;
    facts->l2_bytes = device.l2_bytes;
    facts->driver = device.driver;
    facts->runtime = device.runtime;
    products_describe(facts->products, sizeof facts->products);
    return BALACT_OK;
}
