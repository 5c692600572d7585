/* SPDX-License-Identifier: MIT
 *
 * See gemm.h. cuBLASLt thinks in columns: a row-major matrix is its transpose to it, so that
 * C = op(A) op(B) is asked for as C' = op(B)' op(A)', where the matrices' roles are exchanged.
 */
#include "optimized/cuda/gemm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "optimized/cuda/cublaslt.h"
#include "optimized/cuda/runtime.h"

namespace balact_cuda {

#ifdef BALACT_HAVE_CUBLASLT

/* ---- Failures ---- */

static balact_status lt_status(cublasStatus_t status, const char *what) {
    if (status == CUBLAS_STATUS_SUCCESS)
        return BALACT_OK;
    return fail(status == CUBLAS_STATUS_ALLOC_FAILED    ? BALACT_ERROR_MEMORY
                : status == CUBLAS_STATUS_NOT_SUPPORTED ? BALACT_ERROR_UNSUPPORTED
                                                        : BALACT_ERROR_DEVICE,
                "cuBLASLt, %s: status %d", what, (int)status);
}

/* ---- Plans ---- */

/* All that a plan depends on. Filled from zeros, so that keys compare as bytes. */
struct plan_key {
    int64_t m, n, k, ld_a, ld_b, ld_c;
    size_t scratch;
    uint32_t align_a, align_b, align_c;
    int in, out, epilogue;
    int a_transposed, b_transposed, tf32;
};

struct plan {
    plan_key key;
    cublasLtMatmulAlgo_t algorithm;
    int64_t used; /* a clock: the plan that was used longest ago makes room */
};

enum { PLANS = 64, OFFERS = 16 };
static plan plans[PLANS];
static int64_t clock_of_plans;
static pthread_mutex_t plans_lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t alignment(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    uintptr_t lowest = address & (~address + 1);
    return lowest == 0 || lowest > 256 ? 256 : (uint32_t)lowest;
}

/* TensorFloat-32 keeps 10 bits of the factors: on request only. */
static bool wants_tf32() {
    const char *text = getenv("BALACT_TF32");
    return text && !strcmp(text, "1");
}

static plan_key key_of(const product *p, size_t scratch) {
    plan_key key;
    memset(&key, 0, sizeof key);
    key.m = p->m, key.n = p->n, key.k = p->k;
    key.ld_a = p->ld_a, key.ld_b = p->ld_b, key.ld_c = p->ld_c;
    key.scratch = scratch;
    key.align_a = alignment(p->a);
    key.align_b = alignment(p->b);
    key.align_c = alignment(p->c);
    key.in = p->in, key.out = p->out;
    key.epilogue = p->bias          ? CUBLASLT_EPILOGUE_BIAS
                   : p->column_sums ? CUBLASLT_EPILOGUE_BGRADB
                                    : CUBLASLT_EPILOGUE_DEFAULT;
    key.a_transposed = p->a_transposed, key.b_transposed = p->b_transposed;
    key.tf32 = p->in == BALACT_F32 && wants_tf32();
    return key;
}

/* ---- What cuBLASLt wants to be told ---- */

/* Matrices and operation of one product, in its terms: its A is our B. */
struct request {
    const cublaslt *lt;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c;
};

static cudaDataType_t type_of(balact_dtype dtype) {
    return dtype == BALACT_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static void request_close(request *r) {
    if (r->operation)
        r->lt->desc_destroy(r->operation);
    cublasLtMatrixLayout_t layouts[] = {r->a, r->b, r->c};
    for (int i = 0; i < 3; i++)
        if (layouts[i])
            r->lt->layout_destroy(layouts[i]);
}

static cublasStatus_t set_epilogue(request *r, const product *p, const plan_key *key) {
    cublasLtEpilogue_t epilogue = (cublasLtEpilogue_t)key->epilogue;
    const void *vector = p->bias ? (const void *)p->bias : (const void *)p->column_sums;
    cublasStatus_t status =
        r->lt->desc_set(r->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    if (status == CUBLAS_STATUS_SUCCESS && vector)
        status = r->lt->desc_set(r->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector,
                                 sizeof vector);
    return status;
}

static cublasStatus_t layout(request *r, cublasLtMatrixLayout_t *layout, balact_dtype dtype,
                             bool transposed, int64_t rows, int64_t cols, int64_t ld) {
    /* row-major [rows][cols], or [cols][rows] where it is stored transposed */
    uint64_t across = (uint64_t)(transposed ? rows : cols);
    uint64_t down = (uint64_t)(transposed ? cols : rows);
    return r->lt->layout_create(layout, type_of(dtype), across, down, ld);
}

static balact_status request_open(request *r, const product *p, const plan_key *key) {
    cublasOperation_t first = p->b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = p->a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasStatus_t status = r->lt->desc_create(
        &r->operation, key->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = r->lt->desc_set(r->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = r->lt->desc_set(r->operation, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = set_epilogue(r, p, key);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = layout(r, &r->a, p->in, p->b_transposed, p->k, p->n, p->ld_b);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = layout(r, &r->b, p->in, p->a_transposed, p->m, p->k, p->ld_a);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = layout(r, &r->c, p->out, false, p->m, p->n, p->ld_c);
    return lt_status(status, "describing a product");
}

/* ---- Choosing a way ---- */

/* Split sums only with partial sums in fp32 that are added in a step of their own: no atomics, and
 * nothing rounded to 16 bits on the way. */
static cublasStatus_t set_preference(const cublaslt *lt, cublasLtMatmulPreference_t preference,
                                     const plan_key *key) {
    uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        const void *value;
        size_t size;
    } settings[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &key->scratch, sizeof key->scratch},
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions, sizeof reductions},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &key->align_b, sizeof key->align_b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &key->align_a, sizeof key->align_a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &key->align_c, sizeof key->align_c},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &key->align_c, sizeof key->align_c},
    };
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && status == CUBLAS_STATUS_SUCCESS;
         i++)
        status = lt->preference_set(preference, settings[i].attribute, settings[i].value,
                                    settings[i].size);
    return status;
}

/* What cuBLASLt offers, best guess first. */
static balact_status offers_of(const request *r, const plan_key *key, int wanted,
                               cublasLtMatmulHeuristicResult_t *offers, int *count) {
    cublasLtMatmulPreference_t preference = NULL;
    cublasStatus_t status = r->lt->preference_create(&preference);
    *count = 0;
    if (status == CUBLAS_STATUS_SUCCESS)
        status = set_preference(r->lt, preference, key);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = r->lt->heuristic(r->lt->handle, r->operation, r->a, r->b, r->c, r->c, preference,
                                  wanted, offers, count);
    if (preference)
        r->lt->preference_destroy(preference);
    if (status == CUBLAS_STATUS_SUCCESS && *count == 0)
        status = CUBLAS_STATUS_NOT_SUPPORTED;
    return lt_status(status, "asking for a way");
}

static bool plan_find(const plan_key *key, cublasLtMatmulAlgo_t *algorithm) {
    bool known = false;
    pthread_mutex_lock(&plans_lock);
    for (int i = 0; i < PLANS && !known; i++)
        if (plans[i].used && !memcmp(&plans[i].key, key, sizeof *key)) {
            known = true;
            plans[i].used = ++clock_of_plans;
            *algorithm = plans[i].algorithm;
        }
    pthread_mutex_unlock(&plans_lock);
    return known;
}

static void plan_keep(const plan_key *key, const cublasLtMatmulAlgo_t *algorithm) {
    pthread_mutex_lock(&plans_lock);
    int oldest = 0, same = -1;
    for (int i = 0; i < PLANS; i++) {
        if (plans[i].used < plans[oldest].used)
            oldest = i;
        if (plans[i].used && !memcmp(&plans[i].key, key, sizeof *key))
            same = i;
    }
    plan *place = &plans[same >= 0 ? same : oldest];
    place->key = *key;
    place->algorithm = *algorithm;
    place->used = ++clock_of_plans;
    pthread_mutex_unlock(&plans_lock);
}

static balact_status multiply(const request *r, const product *p,
                              const cublasLtMatmulAlgo_t *algorithm, void *scratch, size_t bytes,
                              cudaStream_t stream) {
    const float alpha = 1.0f;
    return lt_status(r->lt->matmul(r->lt->handle, r->operation, &alpha, p->b, r->a, p->a, r->b,
                                   &p->beta, p->c, r->c, p->c, r->c, algorithm, scratch, bytes,
                                   stream),
                     "a product");
}

balact_status product_run(const product *p, void *scratch, size_t scratch_bytes,
                          cudaStream_t stream) {
    request r = {cublaslt_find(), NULL, NULL, NULL, NULL};
    if (!r.lt)
        return BALACT_ERROR_UNSUPPORTED;
    plan_key key = key_of(p, scratch ? scratch_bytes : 0);
    cublasLtMatmulAlgo_t algorithm;
    balact_status status = request_open(&r, p, &key);
    if (status == BALACT_OK && !plan_find(&key, &algorithm)) {
        cublasLtMatmulHeuristicResult_t offer;
        int count;
        status = offers_of(&r, &key, 1, &offer, &count);
        algorithm = offer.algo;
        if (status == BALACT_OK)
            plan_keep(&key, &algorithm);
    }
    if (status == BALACT_OK)
        status = multiply(&r, p, &algorithm, scratch, key.scratch, stream);
    request_close(&r);
    return status;
}

/* ---- Timing ---- */

/* Seconds of one product, the least of some rounds; negative where it fails. */
static double time_offer(const request *r, const product *p, const cublasLtMatmulAlgo_t *algorithm,
                         void *scratch, size_t bytes, cudaStream_t stream, cudaEvent_t *events) {
    enum { ROUNDS = 5, REPEATS = 10 };
    double best = -1.0;
    if (multiply(r, p, algorithm, scratch, bytes, stream) != BALACT_OK)
        return -1.0;
    for (int round = 0; round < ROUNDS; round++) {
        float milliseconds = 0.0f;
        balact_status status = cuda_status(cudaEventRecord(events[0], stream));
        for (int i = 0; i < REPEATS && status == BALACT_OK; i++)
            status = multiply(r, p, algorithm, scratch, bytes, stream);
        if (status == BALACT_OK)
            status = cuda_status(cudaEventRecord(events[1], stream));
        if (status == BALACT_OK)
            status = cuda_status(cudaEventSynchronize(events[1]));
        if (status == BALACT_OK)
            status = cuda_status(cudaEventElapsedTime(&milliseconds, events[0], events[1]));
        if (status != BALACT_OK)
            return -1.0;
        double seconds = 1e-3 * (double)milliseconds / REPEATS;
        if (best < 0.0 || seconds < best)
            best = seconds;
    }
    return best;
}

static balact_status tune(const request *r, const product *p, const plan_key *key, void *scratch,
                          cudaStream_t stream, cudaEvent_t *events, double *seconds) {
    static thread_local cublasLtMatmulHeuristicResult_t offers[OFFERS];
    int count = 0, best = -1;
    double least = 0.0;
    balact_status status = offers_of(r, key, OFFERS, offers, &count);
    for (int i = 0; i < count && status == BALACT_OK; i++) {
        if (offers[i].state != CUBLAS_STATUS_SUCCESS)
            continue;
        double time = time_offer(r, p, &offers[i].algo, scratch, key->scratch, stream, events);
        if (time >= 0.0 && (best < 0 || time < least)) {
            best = i;
            least = time;
        }
    }
    if (status == BALACT_OK && best < 0)
        status = fail(BALACT_ERROR_UNSUPPORTED, "cuBLASLt: no way to compute a product works");
    if (status == BALACT_OK)
        plan_keep(key, &offers[best].algo);
    if (seconds)
        *seconds = least;
    return status;
}

balact_status product_tune(const product *p, void *scratch, size_t scratch_bytes,
                           cudaStream_t stream, double *seconds) {
    request r = {cublaslt_find(), NULL, NULL, NULL, NULL};
    cudaEvent_t events[2] = {NULL, NULL};
    if (!r.lt)
        return BALACT_ERROR_UNSUPPORTED;
    plan_key key = key_of(p, scratch ? scratch_bytes : 0);
    balact_status status = request_open(&r, p, &key);
    for (int i = 0; i < 2 && status == BALACT_OK; i++)
        status = cuda_status(cudaEventCreate(&events[i]));
    if (status == BALACT_OK)
        status = tune(&r, p, &key, scratch, stream, events, seconds);
    for (int i = 0; i < 2; i++)
        if (events[i])
            cudaEventDestroy(events[i]);
    request_close(&r);
    return status;
}

#else

static balact_status no_products() {
    return fail(BALACT_ERROR_UNSUPPORTED, "no matrix products: built without cublasLt.h");
}

balact_status product_run(const product *, void *, size_t, cudaStream_t) {
    return no_products();
}

balact_status product_tune(const product *, void *, size_t, cudaStream_t, double *) {
    return no_products();
}

#endif

balact_status product_run(const product *p, cudaStream_t stream) {
    void *scratch = NULL;
    balact_status status = scratch_take(&scratch, BALACT_PRODUCT_SCRATCH, stream);
    if (status == BALACT_OK)
        status = product_run(p, scratch, BALACT_PRODUCT_SCRATCH, stream);
    return scratch_give(scratch, stream, status);
}

} // namespace balact_cuda
