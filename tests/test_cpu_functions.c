/* SPDX-License-Identifier: MIT
 *
 * The vector exponential and logarithm of the CPU backends against libm in double.
 */
#include <stdint.h>
#include <string.h>

#include "optimized/cpu/probes.h"
#include "tests/cpu_backends.h"

typedef void probe(const float *, float *, int64_t);

enum function { EXPONENTIAL, BIASED_EXPONENTIAL, LOGARITHM };

static double truth(enum function function, double x) {
    return function == LOGARITHM            ? log1p(x)
           : function == BIASED_EXPONENTIAL ? ldexp(exp(x), 44)
                                            : exp(x);
}

static probe *probe_of(const struct balact_backend *backend, enum function function) {
#ifdef BALACT_HAVE_AVX2
    probe *const avx2[] = {balact_avx2_exponentials, balact_avx2_biased_exponentials,
                           balact_avx2_logarithms};
    if (!strcmp(backend->name, "avx2"))
        return avx2[function];
#endif
#ifdef BALACT_HAVE_AVX512
    probe *const avx512[] = {balact_avx512_exponentials, balact_avx512_biased_exponentials,
                             balact_avx512_logarithms};
    if (!strcmp(backend->name, "avx512"))
        return avx512[function];
#endif
    (void)backend, (void)function;
    return NULL;
}

/* Walks the floats from first to last in steps of their bits. */
static double worst_of(const struct balact_backend *backend, enum function function, float first,
                       float last, uint32_t stride) {
    enum { CHUNK = 1000 };
    float x[CHUNK], y[CHUNK];
    uint32_t bits, end;
    double worst = 0.0;
    memcpy(&bits, &first, sizeof bits);
    memcpy(&end, &last, sizeof end);
    while (bits <= end) {
        int n = 0;
        for (; n < CHUNK && bits <= end; n++, bits += stride)
            memcpy(&x[n], &bits, sizeof bits);
        probe_of(backend, function)(x, y, n);
        for (int i = 0; i < n; i++) {
            double error = ulps(truth(function, x[i]), y[i]);
            if (!(error <= worst))
                worst = error;
        }
    }
    return worst;
}

START_TEST(test_exponential_error) {
    FOR_BACKENDS(b) {
        double worst = worst_of(cpu_backends[b], EXPONENTIAL, -0.0f, -104.0f, 211);
        printf("%s exp: %.3f ulp\n", cpu_backends[b]->name, worst);
        ck_assert_msg(worst < 1.0, "%s: exp is wrong by %g ulp", cpu_backends[b]->name, worst);
    }
}
END_TEST

/* The plain passes' own, which also sets the limit in benchmarks. */
START_TEST(test_biased_exponential_error) {
    FOR_BACKENDS(b) {
        double below = worst_of(cpu_backends[b], BIASED_EXPONENTIAL, -0.0f, -100.0f, 211);
        double above = worst_of(cpu_backends[b], BIASED_EXPONENTIAL, 0.0f, 50.0f, 211);
        printf("%s biased exp: %.3f ulp\n", cpu_backends[b]->name, fmax(below, above));
        ck_assert_msg(below < 1.0 && above < 1.0, "%s: biased exp is wrong by %g ulp",
                      cpu_backends[b]->name, fmax(below, above));
    }
}
END_TEST

START_TEST(test_exponential_limits) {
    FOR_BACKENDS(b) {
        const float x[] = {0.0f, -0.0f, -INFINITY, NAN, -1e30f, -150.0f, -103.0f, -1e-45f, -87.4f};
        float y[9];
        probe_of(cpu_backends[b], EXPONENTIAL)(x, y, 9);
        for (int i = 0; i < 9; i++)
            ck_assert_msg(ulps(exp(x[i]), y[i]) < 1.0, "%s: exp(%g) = %g", cpu_backends[b]->name,
                          x[i], y[i]);
    }
}
END_TEST

START_TEST(test_logarithm_error) {
    FOR_BACKENDS(b) {
        double worst = worst_of(cpu_backends[b], LOGARITHM, 0.0f, 1.0f, 211);
        printf("%s log1p: %.3f ulp\n", cpu_backends[b]->name, worst);
        ck_assert_msg(worst < 3.0, "%s: log1p is wrong by %g ulp", cpu_backends[b]->name, worst);
    }
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("cpu_functions");
    TCase *group = tcase_create("cpu_functions");
    tcase_add_test(group, test_exponential_error);
    tcase_add_test(group, test_biased_exponential_error);
    tcase_add_test(group, test_exponential_limits);
    tcase_add_test(group, test_logarithm_error);
    suite_add_tcase(suite, group);
    return suite;
}
