#!/bin/sh
# SPDX-License-Identifier: MIT
# Closes a build: one line per optional part left out, and what would bring it.
# usage: setup/left-out.sh BUILD [WHY_NO_CUDA]
build=$1
sed 's/^/balact: without /' "$build/left-out"
[ -z "${2:-}" ] || echo "balact: without CUDA kernels: $2"
