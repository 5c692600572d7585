#!/bin/sh
# SPDX-License-Identifier: MIT
# Probes what this machine offers and writes BUILD/config.mk, touching it only if it changed.
# Every optional part that is missing gets a line in BUILD/left-out.
# usage: setup/configure.sh BUILD
# environment: CC, CXX, CFLAGS, LDFLAGS, WITHOUT ("archive dnnl ..."), NVCC, CUDA_HOME
set -u
build=$1
CC=${CC:-cc}
CXX=${CXX:-c++}
mkdir -p "$build" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
out=$work/config.mk
left=$work/left-out
: > "$left"

without() { case " ${WITHOUT:-} " in *" $1 "*) return 0 ;; esac; return 1; }

find_nvcc() {
    without cuda && return
    for candidate in "${NVCC:-}" "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" "$(command -v nvcc)" \
        /usr/local/cuda/bin/nvcc; do
        if [ -n "$candidate" ] && command -v "$candidate" > /dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# The optional headers, and with them the versions of their libraries. This is read on every make,
# so that a new compiler or library rebuilds what depends on it.
cat > "$work/all.c" << 'END'
#if __has_include(<archive.h>)
#include <archive.h>
#endif
#if __has_include(<jansson.h>)
#include <jansson.h>
#endif
#if __has_include(<ini.h>)
#include <ini.h>
#endif
#if __has_include(<openssl/evp.h>)
#include <openssl/evp.h>
#endif
#if __has_include(<simdjson.h>)
#include <simdjson.h>
#endif
#if __has_include(<dnnl.h>)
#include <dnnl.h>
#endif
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#endif
#if __has_include(<xnnpack.h>)
#include <xnnpack.h>
#endif
#if __has_include(<check.h>)
#include <check.h>
#endif
#if __has_include(<omp.h>)
#include <omp.h>
#endif
const char *compiler = __VERSION__;
END
echo 'int main(void) { return 0; }' > "$work/t.c"
# shellcheck disable=SC2086  # CC, CFLAGS and LDFLAGS are lists of words
if ! $CC ${CFLAGS:-} ${LDFLAGS:-} "$work/t.c" -o "$work/t" 2> "$work/errors"; then
    echo "The C compiler '$CC' does not work: $(head -n 1 "$work/errors")" >&2
    echo "On Debian or Ubuntu 'make setup' installs what is needed; else set CC=." >&2
    exit 2
fi
nvcc=$(find_nvcc)
# shellcheck disable=SC2012,SC2086
fingerprint=$({ cat "$0"; $CC ${CFLAGS:-} -E "$work/all.c"; $CC -dumpmachine
    ls -lL "$(command -v ${CC%% *})" "$(command -v ${CXX%% *})" $nvcc
    echo "$CC $CXX ${CFLAGS:-} ${LDFLAGS:-} ${WITHOUT:-}"; } 2> /dev/null | sed "s,$work,," | cksum)
if grep -qsF "FINGERPRINT := $fingerprint" "$build/config.mk" && [ -e "$build/left-out" ]; then
    exit 0
fi
echo "# Made by setup/configure.sh; changes are overwritten." > "$out"
echo "FINGERPRINT := $fingerprint" >> "$out"

features=
libs=
private=

# compiles FLAGS...: does $work/t.c compile and link?
compiles() {
    # shellcheck disable=SC2086
    $CC ${CFLAGS:-} ${LDFLAGS:-} "$work/t.c" -o "$work/t" "$@" 2> /dev/null
}

# links HEADER SYMBOL LIBS: does a program that uses SYMBOL compile and link?
links() {
    printf '#include <%s>\nint main(void) { return (void *)&%s == 0; }\n' "$1" "$2" > "$work/t.c"
    # shellcheck disable=SC2086
    compiles $3
}

# probe NAME HEADER SYMBOL LIBS PACKAGE WHAT: sets HAVE_NAME, or says what is lost without it
probe() {
    lower=$(echo "$1" | tr '[:upper:]' '[:lower:]')
    if without "$lower"; then
        echo "$6: left out by WITHOUT=$lower" >> "$left"
    elif links "$2" "$3" "$4"; then
        features="$features -DBALACT_HAVE_$1=1"
        libs="$libs $4"
        private="$private $4"
        echo "HAVE_$1 := 1" >> "$out"
    else
        echo "$6: left out, install $5" >> "$left"
    fi
}

probe ARCHIVE archive.h archive_read_new -larchive libarchive-dev "archives (.tar.*, .zip)"
probe JANSSON jansson.h json_loadb -ljansson libjansson-dev "JSON (counts, run.json read back)"
probe INIH ini.h ini_parse_stream -linih libinih-dev "experiment definition files"
probe CRYPTO openssl/evp.h EVP_sha256 -lcrypto libssl-dev "SHA-256 of inputs"
probe DNNL dnnl.h dnnl_sgemm -ldnnl libdnnl-dev "matrix products by oneDNN"
probe OPENBLAS cblas-openblas.h cblas_sgemm -lopenblas libopenblas-openmp-dev \
    "matrix products by OpenBLAS"

# C++ in one file of ours; linked by the C compiler like the rest.
echo '#include <simdjson.h>
extern "C" int parses(void);
int parses(void) { simdjson::dom::parser parser;
    return parser.parse("[]", 2).error() == simdjson::SUCCESS; }' > "$work/t.cpp"
echo 'int parses(void);
int main(void) { return !parses(); }' > "$work/t.c"
if without simdjson; then
    echo "JSON of LVIS (simdjson): left out by WITHOUT=simdjson" >> "$left"
elif $CXX -std=c++17 -fno-exceptions -fno-rtti -fPIC -c "$work/t.cpp" -o "$work/t.o" 2> /dev/null &&
    compiles "$work/t.o" -lsimdjson -lstdc++; then
    features="$features -DBALACT_HAVE_SIMDJSON=1"
    libs="$libs -lsimdjson -lstdc++"
    echo "HAVE_SIMDJSON := 1" >> "$out"
else
    echo "JSON of LVIS (simdjson): left out, install g++ libsimdjson-dev" >> "$left"
fi

# The CUDA sources are tested on the host too, by a C++ compiler of at least C++17.
echo '#include <tuple>
template <typename T> constexpr bool small(T) { if constexpr (sizeof(T) < 8) return true; return false; }
extern "C" int fine(void);
int fine(void) { return small(std::get<0>(std::tuple<int>(1))); }' > "$work/t.cpp"
echo 'int fine(void);
int main(void) { return !fine(); }' > "$work/t.c"
if without emulation; then
    echo "CUDA emulated in tests: left out by WITHOUT=emulation" >> "$left"
elif $CXX -std=c++17 -fno-exceptions -fno-rtti -fPIC -c "$work/t.cpp" -o "$work/t.o" 2> /dev/null &&
    compiles "$work/t.o" -lstdc++; then
    echo "HAVE_CXX := 1" >> "$out"
else
    echo "CUDA emulated in tests: left out, install g++" >> "$left"
fi

# A peer of the benchmark: linked with a program of its own, never with balact. Its functions have
# changed their arguments since; what is asked for here are those that the peer calls.
echo '#include <pthreadpool.h>
#include <xnnpack.h>
int main(void) { return xnn_setup_softmax_nc_f32(0, 1, 0, 0, pthreadpool_create(1)) !=
    xnn_create_softmax_nc_f32(1, 1, 1, 0, 0); }' > "$work/t.c"
if without xnnpack; then
    echo "XNNPACK as a peer of benchmarks: left out by WITHOUT=xnnpack" >> "$left"
elif compiles -lXNNPACK -lpthreadpool; then
    version=$(dpkg-query -W -f '${Version}' libxnnpack-dev 2> /dev/null || echo unknown)
    { echo "HAVE_XNNPACK := 1"; echo "XNNPACK_VERSION := $version"; } >> "$out"
else
    echo "XNNPACK as a peer of benchmarks: left out, install libxnnpack-dev" >> "$left"
fi

echo '#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }' > "$work/t.c"
if without openmp; then
    echo "threads (OpenMP): left out by WITHOUT=openmp" >> "$left"
elif compiles -fopenmp; then
    echo "OPENMP_CFLAGS := -fopenmp" >> "$out"
else
    echo "threads (OpenMP): left out, the compiler lacks -fopenmp (clang: install libomp-dev)" >> "$left"
fi

# Check is linked with whatever its static library was built against.
if without check; then
    echo "unit tests (Check): left out by WITHOUT=check" >> "$left"
else
    found=
    for extra in "-lsubunit -lrt -lpthread -lm" "-lrt -lpthread -lm" ""; do
        if links check.h suite_create "-lcheck $extra"; then
            echo "CHECK_LIBS := -lcheck $extra" >> "$out"
            found=yes
            break
        fi
    done
    [ -n "$found" ] || echo "unit tests (Check): left out, install check" >> "$left"
fi

# gcc leaves the order of instructions to the processor; the kernels' long chains are too long for it
# (docs/METHOD.md, "Kernels"). Changes no result.
schedule="-fschedule-insns -fsched-pressure"
echo 'int main(void) { return 0; }' > "$work/t.c"
# shellcheck disable=SC2086
compiles -Werror $schedule || schedule=

# isa NAME FLAGS: an instruction set that the compiler knows; the program asks the processor itself
isa() {
    lower=$(echo "$1" | tr '[:upper:]' '[:lower:]')
    name=$1
    shift
    echo 'int main(void) { return !__builtin_cpu_supports("avx2"); }' > "$work/t.c"
    if without "$lower"; then
        echo "$name kernels: left out by WITHOUT=$lower" >> "$left"
    elif compiles "$@"; then
        { echo "HAVE_$name := 1"; echo "${name}_CFLAGS := $* $schedule"; } >> "$out"
    else
        echo "$name kernels: left out, the compiler lacks $*" >> "$left"
    fi
}
case $($CC -dumpmachine 2> /dev/null || uname -m) in
x86_64*)
    isa AVX2 -mavx2 -mfma -mf16c
    isa AVX512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c
    ;;
*) echo "AVX2 and AVX-512 kernels: not an x86-64 processor, the reference computes" >> "$left" ;;
esac

# nvcc is of use with a C++ compiler that it accepts and with its static runtime. What it says is
# kept in one line.
if [ -n "$nvcc" ]; then
    home=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
    folder=
    for folder in "$home/lib64" "$home/targets/x86_64-linux/lib" "$home/lib" ""; do
        [ ! -e "$folder/libcudart_static.a" ] || break
    done
    echo '#include <cuda_runtime.h>
    __global__ void nothing() {}' > "$work/t.cu"
    if [ -z "$folder" ]; then
        echo "NVCC_BROKEN := $nvcc is there but no libcudart_static.a" >> "$out"
    elif "$nvcc" -c "$work/t.cu" -o "$work/t.o" > "$work/errors" 2>&1; then
        { echo "NVCC_FOUND := $nvcc"; echo "CUDA_LIBRARIES := $folder"; } >> "$out"
    else
        echo "NVCC_BROKEN := $nvcc does not work: $(grep -m 1 . "$work/errors" |
            tr -d "'#\$\\")" >> "$out"
    fi
fi
{
    echo "FEATURE_CPPFLAGS :=$features"
    echo "FEATURE_LIBS :=$libs"
} >> "$out"

cmp -s "$left" "$build/left-out" || cp "$left" "$build/left-out"
cmp -s "$out" "$build/config.mk" || cp "$out" "$build/config.mk"
