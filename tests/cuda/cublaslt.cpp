/* SPDX-License-Identifier: MIT
 *
 * Products of the emulated cuBLASLt: plain loops, sums in double, rounded once. Matrices are in
 * column-major order, as the library has them.
 */
#include "emulate.h"
#include "include/cublasLt.h"
#include "include/cuda_bf16.h"

using namespace emulated_cuda;

namespace emulated_cuda {
struct emulated_handle {
    int nothing;
};
} // namespace emulated_cuda

namespace emulation {

static double element(const char *matrix, const emulated_layout &layout, uint64_t row,
                      uint64_t col) {
    uint64_t at = col * (uint64_t)layout.ld + row;
    if (layout.type == CUDA_R_16BF)
        return __bfloat162float(((const __nv_bfloat16 *)matrix)[at]);
    return ((const float *)matrix)[at];
}

struct product : operation {
    emulated_matmul desc;
    float alpha, beta;
    const void *a, *b;
    void *d;
    emulated_layout a_layout, b_layout, d_layout;

    product() {
        run = now;
    }
    /* Column by column, so that the padding between them may be what it likes. */
    static void check_columns(const void *matrix, const emulated_layout &layout, bool written) {
        size_t size = layout.type == CUDA_R_16BF ? 2 : 4;
        for (uint64_t col = 0; col < layout.cols; col++) {
            const char *at = (const char *)matrix + col * (uint64_t)layout.ld * size;
            check_range(at, layout.rows * size, "cublasLtMatmul");
            if (written)
                check_written(at, layout.rows * size, "cublasLtMatmul");
        }
    }
    double sum(const char *x, const char *y, uint64_t i, uint64_t j, uint64_t k) const {
        double total = 0.0;
        for (uint64_t l = 0; l < k; l++)
            total += element(x, a_layout, desc.a ? l : i, desc.a ? i : l) *
                     element(y, b_layout, desc.b ? j : l, desc.b ? l : j);
        return total;
    }
    void store(char *z, uint64_t i, uint64_t j, double value) const {
        uint64_t at = j * (uint64_t)d_layout.ld + i;
        if (d_layout.type == CUDA_R_16BF)
            ((__nv_bfloat16 *)z)[at] = __float2bfloat16_rn((float)value);
        else
            ((float *)z)[at] = (float)value;
    }
    void sums_of_b(const char *y, uint64_t k) const {
        size_t bytes = d_layout.cols * sizeof(float);
        check_range(desc.bias, bytes, "cublasLtMatmul, BGRADB");
        float *to = (float *)backing(desc.bias);
        for (uint64_t j = 0; j < d_layout.cols; j++) {
            double total = 0.0;
            for (uint64_t l = 0; l < k; l++)
                total += element(y, b_layout, desc.b ? j : l, desc.b ? l : j);
            to[j] = (float)total;
        }
        mark_written(desc.bias, bytes);
    }
    static void now(operation *self) {
        const product *p = (product *)self;
        uint64_t k = p->desc.a ? p->a_layout.rows : p->a_layout.cols;
        check_columns(p->a, p->a_layout, true);
        check_columns(p->b, p->b_layout, true);
        check_columns(p->d, p->d_layout, p->beta != 0.0f);
        const char *x = backing(p->a), *y = backing(p->b);
        char *z = backing(p->d);
        const float *bias = NULL;
        if (p->desc.epilogue == CUBLASLT_EPILOGUE_BIAS) {
            check_written(p->desc.bias, p->d_layout.rows * sizeof(float), "cublasLtMatmul, BIAS");
            bias = (const float *)backing(p->desc.bias);
        }
        size_t size = p->d_layout.type == CUDA_R_16BF ? 2 : 4;
        for (uint64_t j = 0; j < p->d_layout.cols; j++) {
            for (uint64_t i = 0; i < p->d_layout.rows; i++) {
                double value = p->alpha * p->sum(x, y, i, j, k);
                if (p->beta != 0.0f)
                    value += p->beta * element(z, p->d_layout, i, j);
                p->store(z, i, j, value + (bias ? bias[i] : 0.0f));
            }
            mark_written((char *)p->d + j * (uint64_t)p->d_layout.ld * size,
                         p->d_layout.rows * size);
        }
        if (p->desc.epilogue == CUBLASLT_EPILOGUE_BGRADB)
            p->sums_of_b(y, k);
    }
};

} // namespace emulation

namespace emulated_cuda {

using namespace emulation;

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
    static emulated_handle only;
    *handle = &only;
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion() {
    return 130000;
}

template <typename T> static cublasStatus_t give(T **to, const T &value) {
    *to = (T *)malloc(sizeof(T));
    **to = value;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t take_back(void *what) {
    free(what);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
    return give(desc, {compute, scale, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, NULL});
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size) {
    void *to = attribute == CUBLASLT_MATMUL_DESC_TRANSA     ? (void *)&desc->a
               : attribute == CUBLASLT_MATMUL_DESC_TRANSB   ? (void *)&desc->b
               : attribute == CUBLASLT_MATMUL_DESC_EPILOGUE ? (void *)&desc->epilogue
                                                            : (void *)&desc->bias;
    if (size != (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? sizeof(void *) : 4))
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(to, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
    return take_back(desc);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type,
                                          uint64_t rows, uint64_t cols, int64_t ld) {
    return give(layout, {type, rows, cols, ld});
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    return take_back(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
    return give(preference, {0});
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t size) {
    if (attribute != CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return size == 4 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
    if (size != sizeof preference->workspace)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&preference->workspace, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    return take_back(preference);
}

static bool shapes_agree(const emulated_matmul &desc, const emulated_layout &a,
                         const emulated_layout &b, const emulated_layout &d) {
    uint64_t m = desc.a ? a.cols : a.rows, k = desc.a ? a.rows : a.cols;
    uint64_t n = desc.b ? b.rows : b.cols, k_of_b = desc.b ? b.cols : b.rows;
    return k == k_of_b && d.rows == m && d.cols == n && a.ld >= (int64_t)a.rows &&
           b.ld >= (int64_t)b.rows && d.ld >= (int64_t)d.rows && a.type == b.type;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t, int wanted,
                                              cublasLtMatmulHeuristicResult_t *results,
                                              int *returned) {
    *returned = 0;
    if (wanted < 1 || !shapes_agree(*desc, *a, *b, *d))
        return CUBLAS_STATUS_INVALID_VALUE;
    results[0] = {};
    *returned = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t, void *d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *, void *, size_t, cudaStream_t stream) {
    if (c != d || !shapes_agree(*desc, *a_layout, *b_layout, *d_layout))
        return CUBLAS_STATUS_INVALID_VALUE;
    product *p = make<product>();
    p->desc = *desc;
    p->alpha = *(const float *)alpha, p->beta = *(const float *)beta;
    p->a = a, p->b = b, p->d = d;
    p->a_layout = *a_layout, p->b_layout = *b_layout, p->d_layout = *d_layout;
    return enqueue(stream, p) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

} // namespace emulated_cuda
