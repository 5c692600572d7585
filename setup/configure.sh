#!/bin/sh
# SPDX-License-Identifier: MIT
# Probes what this machine offers and writes BUILD/config.mk, touching it only if it changed.
# usage: setup/configure.sh BUILD     environment: CC, CFLAGS, WITHOUT ("archive dnnl ...")
set -u
build=$1
CC=${CC:-cc}
mkdir -p "$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/config.mk
: > "$out"
features=
libs=

without() { case " ${WITHOUT:-} " in *" $1 "*) return 0 ;; esac; return 1; }

# links FEATURE HEADER SYMBOL LIBS: does a program that calls SYMBOL compile and link?
links() {
    printf '#include <%s>\nint main(void) { return (void *)&%s == 0; }\n' "$2" "$3" > "$work/t.c"
    # shellcheck disable=SC2086
    $CC ${CFLAGS:-} "$work/t.c" -o "$work/t" $4 2> /dev/null
}

probe() { # NAME HEADER SYMBOL LIBS
    lower=$(echo "$1" | tr A-Z a-z)
    if ! without "$lower" && links "$1" "$2" "$3" "$4"; then
        features="$features -DBALACT_HAVE_$1=1"
        libs="$libs $4"
        echo "HAVE_$1 := 1" >> "$out"
    else
        echo "HAVE_$1 :=" >> "$out"
    fi
}

probe ARCHIVE archive.h archive_read_new "-larchive"
probe JANSSON jansson.h json_loadb "-ljansson"
probe INIH ini.h ini_parse_stream "-linih"
probe CRYPTO openssl/evp.h EVP_sha256 "-lcrypto"
probe DNNL dnnl.h dnnl_sgemm "-ldnnl"
probe OPENBLAS cblas-openblas.h cblas_sgemm "-lopenblas" || true

if ! without openmp && printf '#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n' > "$work/t.c" &&
    $CC ${CFLAGS:-} -fopenmp "$work/t.c" -o "$work/t" 2> /dev/null; then
    echo "OPENMP_CFLAGS := -fopenmp" >> "$out"
else
    echo "OPENMP_CFLAGS :=" >> "$out"
fi

if ! without check && links CHECK check.h suite_create "-lcheck -lsubunit -lrt -lpthread -lm" 2> /dev/null; then
    echo "CHECK_LIBS := -lcheck -lsubunit -lrt -lpthread -lm" >> "$out"
elif ! without check && links CHECK check.h suite_create "-lcheck -lrt -lpthread -lm"; then
    echo "CHECK_LIBS := -lcheck -lrt -lpthread -lm" >> "$out"
else
    echo "CHECK_LIBS :=" >> "$out"
fi

cpu=
machine=$($CC -dumpmachine 2> /dev/null || uname -m)
case $machine in
x86_64*)
    echo 'int main(void) { return 0; }' > "$work/t.c"
    if ! without avx2 && $CC -mavx2 -mfma -mf16c "$work/t.c" -o "$work/t" 2> /dev/null; then
        echo "AVX2_CFLAGS := -mavx2 -mfma -mf16c" >> "$out"
        cpu="$cpu optimized/cpu/avx2.c"
        features="$features -DBALACT_HAVE_AVX2=1"
    fi
    if ! without avx512 && $CC -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma "$work/t.c" -o "$work/t" 2> /dev/null; then
        echo "AVX512_CFLAGS := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c" >> "$out"
        cpu="$cpu optimized/cpu/avx512.c"
        features="$features -DBALACT_HAVE_AVX512=1"
    fi
    ;;
esac
echo "CPU_SOURCES := optimized/cpu/linear.c$cpu" >> "$out"
echo "FEATURE_CPPFLAGS :=$features" >> "$out"
echo "FEATURE_LIBS :=$libs" >> "$out"

if ! cmp -s "$out" "$build/config.mk"; then
    cp "$out" "$build/config.mk"
fi
