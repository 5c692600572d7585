/* SPDX-License-Identifier: MIT
 *
 * Everything public, in one header.
 */
#ifndef BALACT_BALACT_H
#define BALACT_BALACT_H

#include "balact/activations.h"
#include "balact/backend.h"
#include "balact/dataset.h"
#include "balact/evaluate.h"
#include "balact/head.h"
#include "balact/lvis.h"
#include "balact/lvis_evaluate.h"
#include "balact/lvis_synthetic.h"
#include "balact/mask.h"
#include "balact/random.h"
#include "balact/status.h"
#include "balact/topk.h"

#endif
