/* SPDX-License-Identifier: MIT
 *
 * The calls of balact/cuda.h in a build without CUDA, so that a program that asks for it links and
 * is told.
 */
#include "balact/cuda.h"

#ifndef BALACT_HAVE_CUDA
static balact_status absent(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "balact was built without CUDA");
}

balact_status balact_cuda_set_stream(struct CUstream_st *stream, struct balact_error *error) {
    (void)stream;
    return absent(error);
}

balact_status balact_cuda_reset_stream(struct balact_error *error) {
    return absent(error);
}

balact_status balact_cuda_stream(struct CUstream_st **stream, struct balact_error *error) {
    (void)stream;
    return absent(error);
}

balact_status balact_cuda_describe(struct balact_cuda_facts *facts, struct balact_error *error) {
    (void)facts;
    return absent(error);
}
#endif
