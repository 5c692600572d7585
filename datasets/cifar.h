/* SPDX-License-Identifier: MIT
 *
 * The part of the CIFAR reader that takes an open archive (also from memory).
 */
#ifndef BALACT_DATASETS_CIFAR_H
#define BALACT_DATASETS_CIFAR_H

#include "balact/dataset.h"
#include "datasets/archive.h"

/* balact_cifar_load() on an open archive, without the hashes of its sources. */
balact_status balact_cifar_read(struct balact_archive *archive,
                                const struct balact_cifar_options *options,
                                struct balact_dataset *train, struct balact_dataset *test,
                                struct balact_error *error);

#endif
