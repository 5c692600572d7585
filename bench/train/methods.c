/* SPDX-License-Identifier: MIT
 *
 * See methods.h.
 */
#include "bench/train/methods.h"

#include <string.h>

#include "bench/program.h"

/* -log((1 - p) / p) for p = 0.001, rounded once: every class starts as an unlikely one, as the
 * sigmoid heads of BALMS' instance segmentation code do (PRIOR_PROB 0.001). */
#define RARE_BIAS (-6.906754778648554)

#define SOFTMAX_INIT                                                                               \
    { 0.01, 0.0 }
#define SIGMOID_INIT                                                                               \
    { 0.01, RARE_BIAS }

static const struct method methods[] = {
    {"softmax", "Softmax", BALACT_SOFTMAX, SAMPLER_INSTANCE, SOFTMAX_INIT, false,
     "cross-entropy, instance-balanced"},
    {"sigmoid", "Sigmoid", BALACT_SIGMOID, SAMPLER_INSTANCE, SIGMOID_INIT, false,
     "binary cross-entropy per class, instance-balanced"},
    {"balanced_softmax", "Balanced Softmax", BALACT_BALANCED_SOFTMAX, SAMPLER_INSTANCE,
     SOFTMAX_INIT, false, "arXiv 2007.10740 eq. 3-4"},
    {"balanced_sigmoid", "Balanced Sigmoid", BALACT_BALANCED_SIGMOID, SAMPLER_INSTANCE,
     SIGMOID_INIT, true, "arXiv 2007.10740 App. A.2 eq. 24-36, 2008.11037"},
    {"softmax_class_balanced", "Softmax, class-balanced sampling", BALACT_SOFTMAX,
     SAMPLER_CLASS_BALANCED, SOFTMAX_INIT, false,
     "classifier re-training (cRT) of arXiv 1910.09217 when features are given"},
    {"sigmoid_class_balanced", "Sigmoid, class-balanced sampling", BALACT_SIGMOID,
     SAMPLER_CLASS_BALANCED, SIGMOID_INIT, false, "as softmax_class_balanced"},
    {"balanced_softmax_class_balanced", "Balanced Softmax, class-balanced sampling",
     BALACT_BALANCED_SOFTMAX, SAMPLER_CLASS_BALANCED, SOFTMAX_INIT, false,
     "corrects twice on purpose: arXiv 2007.10740 eq. 12, table 5 (BS + CBS)"},
    {"balanced_sigmoid_class_balanced", "Balanced Sigmoid, class-balanced sampling",
     BALACT_BALANCED_SIGMOID, SAMPLER_CLASS_BALANCED, SIGMOID_INIT, true,
     "corrects twice on purpose, as balanced_softmax_class_balanced"},
};
enum { METHOD_COUNT = sizeof methods / sizeof *methods };

const struct method *methods_all(size_t *count) {
    *count = METHOD_COUNT;
    return methods;
}

const struct method *method_find(const char *name) {
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (!strcmp(methods[i].name, name))
            return &methods[i];
    return NULL;
}

const char *method_nearest(const char *typed) {
    const char *names[METHOD_COUNT];
    for (size_t i = 0; i < METHOD_COUNT; i++)
        names[i] = methods[i].name;
    return nearest_name(typed, names, METHOD_COUNT);
}
