# SPDX-License-Identifier: MIT
# balact: "make help" lists the targets. Everything is built under $(BUILD), nothing beside the
# sources. Sources are found by folder: a new .c file needs no edit here.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
AR      ?= ar
# The C++ compiler beside CC, unless one is named.
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(if $(findstring \
    gcc,$(CC)),$(subst gcc,g++,$(CC)),c++))
endif
OPT     ?= -O2 -g
# optional parts to leave out although they are there: "archive jansson simdjson cuda openmp ..."
WITHOUT ?=
# -fsanitize= list for this build
SANITIZE ?=
# skip: "make test" and "make reproduce" take the machine as it is
SETUP   ?= run
FUZZ_SECONDS ?= 60
RESULTS ?= results

VERSION := 0.1.0
SONAME  := libbalact.so.0

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---- What the machine offers -------------------------------------------------------------------
# setup/configure.sh probes with the compiler at hand, writes $(BUILD)/config.mk and touches it only
# when something changed. The goals below run on a machine without a compiler: they install first
# and start a second make for the rest.
UNCONFIGURED := help clean distclean uninstall setup test sanitize fuzz lint check-aarch64 \
    check-old-cpu check-without reproduce reproduce-full bench bench-bars ci
GOALS := $(if $(MAKECMDGOALS),$(MAKECMDGOALS),all)
quote = '$(subst ','\'',$(1))'
ifneq ($(filter-out $(UNCONFIGURED),$(GOALS)),)
PROBED := $(shell CC=$(call quote,$(CC)) CXX=$(call quote,$(CXX)) CFLAGS=$(call quote,$(CFLAGS)) \
    LDFLAGS=$(call quote,$(LDFLAGS)) WITHOUT=$(call quote,$(WITHOUT)) \
    NVCC=$(call quote,$(NVCC)) CUDA_HOME=$(call quote,$(CUDA_HOME)) \
    sh setup/configure.sh $(call quote,$(BUILD)) >&2 && echo yes)
ifneq ($(PROBED),yes)
$(error The build cannot start, see the line above)
endif
include $(BUILD)/config.mk
endif

# ---- Flags -------------------------------------------------------------------------------------
# Without -ffp-contract=off results would differ between compilers; -fno-math-errno changes none.
WARN := -Wall -Wextra -Wpedantic
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer)
BASE_CFLAGS := -std=c11 $(WARN) $(OPT) -ffp-contract=off -fno-math-errno -fPIC \
    $(if $(OPENMP_CFLAGS),$(OPENMP_CFLAGS),-Wno-unknown-pragmas) $(SANITIZE_FLAGS) $(CFLAGS)
# C++ without what would need its run-time library's help; NDEBUG: a library does not abort.
BASE_CXXFLAGS := -std=c++17 -Wall -Wextra $(OPT) -DNDEBUG -ffp-contract=off -fPIC -fno-exceptions \
    -fno-rtti $(SANITIZE_FLAGS) $(CFLAGS)
BASE_CPPFLAGS := -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Iinclude -I. -I$(BUILD)/generated \
    -DBALACT_VERSION='"$(VERSION)"' $(FEATURE_CPPFLAGS)
BASE_LDFLAGS := $(OPENMP_CFLAGS) $(SANITIZE_FLAGS) $(LDFLAGS)
LIBS := $(FEATURE_LIBS) -lm

# ---- Sources -----------------------------------------------------------------------------------
# Files named for an instruction set get its flags, and are left out where the compiler lacks it.
AVX2_SOURCES   := $(if $(HAVE_AVX2),$(wildcard optimized/cpu/avx2*.c))
AVX512_SOURCES := $(if $(HAVE_AVX512),$(wildcard optimized/cpu/avx512*.c))
WALK_SOURCES   := $(if $(AVX2_SOURCES),bench/measure/walk_avx2.c) \
    $(if $(AVX512_SOURCES),bench/measure/walk_avx512.c)
CPU_SOURCES := $(filter-out optimized/cpu/avx%,$(wildcard optimized/cpu/*.c)) \
    $(AVX2_SOURCES) $(AVX512_SOURCES)
BASE_CPPFLAGS += $(if $(AVX2_SOURCES),-DBALACT_HAVE_AVX2=1) \
    $(if $(AVX512_SOURCES),-DBALACT_HAVE_AVX512=1)
LIBRARY_SOURCES := $(wildcard reference/*.c optimized/*.c datasets/*.c bench/evaluate/*.c) \
    $(CPU_SOURCES)
CXX_SOURCES := $(if $(HAVE_SIMDJSON),$(wildcard datasets/*.cpp))
PROGRAM_SOURCES := $(wildcard bench/*.c bench/commands/*.c bench/train/*.c plots/*.c) \
    $(filter-out bench/measure/walk_avx%,$(wildcard bench/measure/*.c)) $(WALK_SOURCES)
TEST_SOURCES := $(wildcard tests/test_*.c)
TEST_SCRIPTS := $(wildcard tests/check_*.sh)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)

# CUDA: every optimized/cuda/*.cu is compiled by nvcc and linked with the static runtime, and cuBLASLt
# is looked for when it is needed, so that the program starts on a machine without a driver or
# libraries. No .cu file or no nvcc: left out; with sanitizers too, whose place the emulation takes.
CUDA_SOURCES := $(if $(SANITIZE),,$(if $(NVCC_FOUND),$(wildcard optimized/cuda/*.cu)))
NO_CUDA := $(if $(filter cuda,$(WITHOUT)),left out by WITHOUT=cuda,$(if $(NVCC_FOUND),$(if \
    $(SANITIZE),left out with sanitizers,$(if $(CUDA_SOURCES),,nvcc is there but this version has \
    no CUDA sources)),$(if $(NVCC_BROKEN),$(NVCC_BROKEN),no nvcc (PATH, CUDA_HOME, \
    /usr/local/cuda))))
ifneq ($(CUDA_SOURCES),)
# One device only builds faster: CUDA_ARCH=-arch=sm_90
CUDA_ARCH ?= $(foreach n,75 80 86 89 90,-gencode arch=compute_$(n),code=sm_$(n)) \
    -gencode arch=compute_90,code=compute_90
BASE_CPPFLAGS += -DBALACT_HAVE_CUDA=1
LIBS += -L$(CUDA_LIBRARIES) -lcudart_static -lstdc++ -ldl -lrt -lpthread
NVCC_FLAGS := -O2 -std=c++17 $(CUDA_ARCH) -DBALACT_CUDA_LIBRARIES='"$(CUDA_LIBRARIES)"' \
    -Xcompiler -fPIC,-Wall,-Wextra
endif
BASE_CPPFLAGS += $(CPPFLAGS)

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/obj/%.o) $(CXX_SOURCES:%=$(BUILD)/obj/%.o) \
    $(if $(CUDA_SOURCES),$(BUILD)/obj/cuda.o)
CUDA_OBJECTS := $(CUDA_SOURCES:%.cu=$(BUILD)/obj/%.cu.o)
PROGRAM_OBJECTS := $(PROGRAM_SOURCES:%.c=$(BUILD)/obj/%.o)
PROGRAM_LIBRARY := $(filter-out $(BUILD)/obj/bench/balact.o,$(PROGRAM_OBJECTS))
TEST_PROGRAMS := $(TEST_SOURCES:tests/%.c=$(BUILD)/tests/%)
TEST_OBJECTS  := $(TEST_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/tests/harness.o
# The CUDA sources once more, by the C++ compiler and with names of their own, on the emulation of
# tests/cuda; for tests named test_cuda_* alone. balact/cuda.h's calls are not part of it.
EMULATED_SOURCES := $(if $(HAVE_CXX),$(wildcard tests/cuda/*.cpp) \
    $(filter-out optimized/cuda/public.cu,$(wildcard optimized/cuda/*.cu)))
EMULATED_OBJECTS := $(EMULATED_SOURCES:%=$(BUILD)/obj/emulated/%.o)
EMULATED_FLAGS := -Itests/cuda/include -DBALACT_CUDA_EMULATED=1 -Dbalact_cuda=balact_cuda_emulated \
    -Dbalact_backend_cuda=balact_backend_cuda_emulated
# Kernels announce their loads and stores to tests/cuda/hooks.cpp; not to two sanitizers at once.
$(BUILD)/obj/emulated/optimized/%.o: ANNOUNCED := $(if $(SANITIZE),,-fsanitize=thread)
EMULATED_TESTS := $(filter $(BUILD)/tests/test_cuda_%,$(TEST_SOURCES:tests/%.c=$(BUILD)/tests/%))
# Peers of balact bench kernels: programs of their own, each with the one library that it is about.
PEER_SOURCES := $(if $(and $(HAVE_DNNL),$(OPENMP_CFLAGS)),$(wildcard bench/peers/onednn.c)) \
    $(if $(HAVE_XNNPACK),$(wildcard bench/peers/xnnpack.c))
PEERS := $(PEER_SOURCES:bench/peers/%.c=$(BUILD)/peers/%)
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzzers/%)
SHARED := $(BUILD)/libbalact.so.$(VERSION)

.PHONY: all tests
#: make                   the program balact, the static and the shared library, in build/
all: $(BUILD)/balact $(BUILD)/libbalact.a $(SHARED) $(PEERS)
	@sh setup/left-out.sh '$(BUILD)' '$(NO_CUDA)'
tests: $(TEST_PROGRAMS)

# ---- Stamps: what make cannot see in the times of files ----------------------------------------
# update NAME: writes standard input to NAME only if it differs from what is there.
update = cat > $(1).new && if cmp -s $(1).new $(1); then rm $(1).new; else mv $(1).new $(1); fi

# The compiler, its flags and the version of every header in use; objects depend on it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(CC) $(BASE_CPPFLAGS) $(BASE_CFLAGS) | $(CXX) \
	    $(BASE_CXXFLAGS) | $(AVX2_CFLAGS) | \
	    $(AVX512_CFLAGS) | $(NVCC_FOUND) $(NVCC_FLAGS) | $(FINGERPRINT)) | $(call update,$@)

# The lists of objects and the linker's flags; archives and programs depend on it.
$(BUILD)/lists: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(AR) $(BASE_LDFLAGS) $(LIBS) $(CHECK_LIBS)) $(LIBRARY_OBJECTS) \
	    $(CUDA_OBJECTS) $(PROGRAM_OBJECTS) | $(call update,$@)

# Provenance for run.json: BALACT_BUILD_COMMIT, _DIRTY, _COMPILER and _CFLAGS.
$(BUILD)/generated/build_info.h: FORCE
	@mkdir -p $(@D)
	@CC=$(call quote,$(CC)) sh setup/build-info.sh $(call quote,$(BASE_CFLAGS)) | $(call update,$@)

.PHONY: FORCE
FORCE:

# ---- Compiling and linking ---------------------------------------------------------------------
# V=1 shows the commands instead of their names.
say = $(if $(V),,@echo '  $(1)$(subst $(BUILD)/,,$@)';)

$(AVX2_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/bench/measure/walk_avx2.o: ISA := $(AVX2_CFLAGS)
$(AVX512_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/bench/measure/walk_avx512.o: \
    ISA := $(AVX512_CFLAGS)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(BUILD)/generated/build_info.h
	@mkdir -p $(@D)
	$(call say,compile  )$(CC) $(BASE_CPPFLAGS) $(BASE_CFLAGS) $(ISA) -MMD -MP -c $< -o $@

$(BUILD)/obj/emulated/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,emulate  )$(CXX) -x c++ $(EMULATED_FLAGS) $(BASE_CPPFLAGS) $(BASE_CXXFLAGS) \
	    -Wno-unknown-pragmas $(ANNOUNCED) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.cpp.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,compile  )$(CXX) $(BASE_CPPFLAGS) $(BASE_CXXFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.cu.o: %.cu $(BUILD)/flags | $(BUILD)/generated/build_info.h
	@mkdir -p $(@D)
	$(call say,nvcc     )$(NVCC_FOUND) $(BASE_CPPFLAGS) $(NVCC_FLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@

# nvcc makes global names of its own and of templates; one object in which only ours are left.
OBJCOPY ?= objcopy
$(BUILD)/obj/cuda.o: $(CUDA_OBJECTS) $(BUILD)/lists
	$(call say,combine  )$(CC) -r -nostdlib -Wl,--force-group-allocation -o $@ $(CUDA_OBJECTS) && \
	    $(OBJCOPY) --wildcard --keep-global-symbol='balact_*' $@

$(BUILD)/libbalact.a: $(LIBRARY_OBJECTS) $(BUILD)/lists
	@rm -f $@
	$(call say,archive  )$(AR) rcs $@ $(LIBRARY_OBJECTS)

# Only balact_* is exported; tests/check_symbols.sh holds both libraries to it.
$(SHARED): $(LIBRARY_OBJECTS) $(BUILD)/lists setup/libbalact.map
	$(call say,link     )$(CC) $(BASE_LDFLAGS) -shared -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=setup/libbalact.map -o $@ $(LIBRARY_OBJECTS) $(LIBS)
	@ln -sf $(@F) $(BUILD)/$(SONAME) && ln -sf $(SONAME) $(BUILD)/libbalact.so

$(BUILD)/balact: $(PROGRAM_OBJECTS) $(BUILD)/libbalact.a $(BUILD)/lists
	$(call say,link     )$(CC) $(BASE_LDFLAGS) -o $@ $(PROGRAM_OBJECTS) $(BUILD)/libbalact.a $(LIBS)

$(BUILD)/peers/onednn: PEER_LIBS := -ldnnl
$(BUILD)/peers/xnnpack: PEER_LIBS := -lXNNPACK -lpthreadpool
$(BUILD)/obj/bench/peers/xnnpack.o: private BASE_CPPFLAGS += \
    -DPEER_XNNPACK_VERSION='"$(XNNPACK_VERSION)"'
$(PEERS): $(BUILD)/peers/%: $(BUILD)/obj/bench/peers/%.o $(BUILD)/obj/bench/peers/peer.o \
    $(BUILD)/obj/bench/measure/place.o $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,link     )$(CC) $(BASE_LDFLAGS) -o $@ $(filter %.o,$^) $(PEER_LIBS) -lm

# Every tests/test_*.c is one Check program, linked with the harness and all but the main of balact.
$(TEST_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/obj/tests/harness.o \
    $(PROGRAM_LIBRARY) $(BUILD)/libbalact.a $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,link     )$(CC) $(BASE_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libbalact.a \
	    $(CHECK_LIBS) $(LIBS)

$(BUILD)/obj/tests/test_cuda_%.o: private BASE_CPPFLAGS += \
    $(if $(HAVE_CXX),-DBALACT_HAVE_EMULATION=1)
$(EMULATED_TESTS): $(EMULATED_OBJECTS)
$(EMULATED_TESTS): private CHECK_LIBS += $(if $(HAVE_CXX),-lstdc++ -lpthread)

# Every tests/fuzz/fuzz_*.c is one libFuzzer program (clang; see the target fuzz).
.PHONY: fuzzers
fuzzers: $(FUZZERS)
$(FUZZERS): $(BUILD)/fuzzers/%: $(BUILD)/obj/tests/fuzz/%.o $(PROGRAM_LIBRARY) \
    $(BUILD)/libbalact.a $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,link     )$(CC) $(BASE_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
	    $(BUILD)/libbalact.a $(LIBS)

.SECONDARY: $(TEST_OBJECTS) $(FUZZ_SOURCES:%.c=$(BUILD)/obj/%.o)

# ---- Targets that install what they need, then start a second make ------------------------------
set_up = @if [ '$(SETUP)' != skip ]; then sh setup/install.sh $(1); fi
# As many jobs as processors, unless a number was given.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2> /dev/null || echo 1))
again = @+$(MAKE) --no-print-directory $(JOBS) BUILD='$(BUILD)$(1)'

.PHONY: setup test check
#: make test              install what is missing, build, run every test
test:
	$(call set_up,needed optional test)
	$(call again) check

#: make setup             install the packages of all checks, those of .ci/run included
setup:
	$(call set_up,needed optional test ci)

check: all tests
	@BUILD='$(BUILD)' CC='$(CC)' SANITIZE='$(SANITIZE)' MAKE='$(MAKE)' MAKELEVEL= \
	    MAKEFLAGS='$(if $(MAKEOVERRIDES),-- $(MAKEOVERRIDES))' \
	    sh tests/run.sh $(TEST_PROGRAMS) $(TEST_SCRIPTS)

.PHONY: sanitize fuzz lint check-aarch64 check-old-cpu check-without
#: make sanitize          every test under AddressSanitizer, LeakSanitizer and UBSan
# (Not detect_stack_use_after_return: gcc 12 misplaces 64-byte-aligned locals on its fake stack.)
sanitize: export ASAN_OPTIONS = detect_leaks=1:strict_string_checks=1
sanitize: export UBSAN_OPTIONS = print_stacktrace=1:halt_on_error=1
sanitize:
	$(call set_up,needed optional test)
	$(call again,/sanitize) OPT='-O1 -g' SANITIZE=address,undefined check

#: make fuzz              libFuzzer on every reader, FUZZ_SECONDS=60 each (needs clang)
fuzz:
	$(call set_up,needed optional ci)
	$(call again,/fuzz) CC=clang OPT='-O1 -g' SANITIZE=fuzzer-no-link,address,undefined \
	    WITHOUT='openmp cuda check avx512 $(WITHOUT)' fuzzers
	@sh setup/fuzz.sh '$(BUILD)/fuzz' $(FUZZ_SECONDS)

#: make lint              clang-tidy, shellcheck and the rules of form
lint:
	$(call set_up,needed optional test ci)
	$(call again) all
	@sh setup/lint.sh '$(BUILD)'

#: make check-aarch64     cross-compile, verify under qemu-aarch64
check-aarch64:
	$(call set_up,needed ci)
	$(call again,/aarch64) CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar \
	    WITHOUT='archive jansson simdjson inih crypto dnnl openblas check cuda' all
	@sh setup/check-emulated.sh '$(BUILD)/aarch64/balact' qemu-aarch64 -L /usr/aarch64-linux-gnu

#: make check-old-cpu     verify under qemu as a processor without AVX (illegal instructions show)
check-old-cpu:
	$(call set_up,needed optional ci)
	$(call again) all
	@sh setup/check-emulated.sh '$(BUILD)/balact' qemu-x86_64 -cpu Nehalem

#: make check-without     build and test without any optional library
check-without:
	$(call set_up,needed test)
	$(call again,/bare) WITHOUT='archive jansson simdjson inih crypto dnnl openblas openmp \
	    avx2 avx512 cuda check' all
	$(BUILD)/bare/balact info
	$(BUILD)/bare/balact verify --small | tail -n 1
	$(call again,/without) WITHOUT='archive jansson simdjson inih crypto dnnl openblas cuda' check

# ---- Reproduction --------------------------------------------------------------------------------
.PHONY: reproduce reproduce-full
REPRODUCE = CIFAR10_LT='$(CIFAR10_LT)' CIFAR100_LT='$(CIFAR100_LT)' IMAGENET_LT='$(IMAGENET_LT)' \
    sh setup/reproduce.sh
#: make reproduce         install, build, and run all that needs no data: tables, figures, claims
reproduce:
	$(call set_up,needed optional)
	$(call again) all
	@$(REPRODUCE) '$(BUILD)' '$(RESULTS)/reproduce'

#: make reproduce-full    the same on real data: IMAGENET_LT=... CIFAR10_LT=... CIFAR100_LT=...
reproduce-full:
	$(call set_up,needed optional)
	$(call again) all
	@$(REPRODUCE) '$(BUILD)' '$(RESULTS)/reproduce-full' full

.PHONY: bench bench-bars
#: make bench             verify and time kernels and head against their peers, draw figures
# A quarter of an hour; BENCH_RESULTS is the folder.
BENCH_RESULTS ?= bench/results/$(shell date +%Y-%m-%d)-$(shell sed -n \
    's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -n 1 | sed -e 's/([^)]*)//g' \
    -e 's/[^A-Za-z0-9]\{1,\}/-/g' -e 's/^-//' -e 's/-$$//' | tr '[:upper:]' '[:lower:]')
bench:
	$(call set_up,needed optional)
	$(call again) all
	@$(BUILD)/balact bench kernels --out '$(BENCH_RESULTS)'; wrong=$$?; \
	    $(BUILD)/balact bench head --out '$(BENCH_RESULTS)' && \
	    $(BUILD)/balact bench figures '$(BENCH_RESULTS)' && exit $$wrong

#: make bench-bars        time what the bars speak of and judge it: PASS or FAIL a bar
bench-bars:
	$(call set_up,needed optional)
	$(call again) all
	@sh setup/bench-bars.sh '$(BUILD)' '$(RESULTS)/bars'

# ---- Installing ----------------------------------------------------------------------------------
INSTALL ?= install
TO = $(DESTDIR)$(PREFIX)
HEADERS := $(wildcard include/balact/*.h)

.PHONY: install uninstall
#: make install           PREFIX=/usr/local DESTDIR= (and make uninstall)
install: $(BUILD)/balact $(BUILD)/libbalact.a $(SHARED) $(PEERS)
	$(INSTALL) -d '$(TO)/bin' '$(TO)/lib/pkgconfig' '$(TO)/include/balact' '$(TO)/share/man/man1'
	$(INSTALL) -m 755 $(BUILD)/balact '$(TO)/bin'
	$(INSTALL) -m 644 $(BUILD)/libbalact.a $(SHARED) '$(TO)/lib'
	ln -sf $(notdir $(SHARED)) '$(TO)/lib/$(SONAME)'
	ln -sf $(SONAME) '$(TO)/lib/libbalact.so'
	$(INSTALL) -m 644 $(HEADERS) '$(TO)/include/balact'
	sh setup/man-page.sh '$(BUILD)/balact' '$(VERSION)' '$(PREFIX)' > '$(TO)/share/man/man1/balact.1'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBS@|$(strip $(OPENMP_CFLAGS) $(LIBS))|' setup/balact.pc.in \
	    > '$(TO)/lib/pkgconfig/balact.pc'
	@sh setup/install-share.sh '$(TO)/share/balact'

# Takes away what install put there, folders of its own included.
uninstall:
	rm -f '$(TO)/bin/balact' '$(TO)/lib/libbalact.a' '$(TO)/lib/libbalact.so' \
	    '$(TO)/lib/$(SONAME)' '$(TO)/lib/$(notdir $(SHARED))' '$(TO)/lib/pkgconfig/balact.pc' \
	    '$(TO)/share/man/man1/balact.1'
	rm -rf '$(TO)/include/balact' '$(TO)/share/balact'

.PHONY: clean distclean help ci
#: make clean             remove build/; results/ stays
clean:
	rm -rf '$(BUILD)'
distclean: clean

#: .ci/run                all of it, as it is checked on every change
ci:
	@sh .ci/run

help:
	@sed -n 's/^#: //p' Makefile
	@echo
	@echo 'Variables: BUILD=$(BUILD) PREFIX=$(PREFIX) DESTDIR= CC= CXX= CFLAGS= OPT="$(OPT)" V=1'
	@echo '  WITHOUT="archive jansson simdjson inih crypto dnnl openblas openmp avx2 avx512 cuda check"'
	@echo '  leaves parts out (any of these)'
	@echo '  CUDA_ARCH="-arch=sm_90" builds CUDA code for one kind of GPU instead of all'
	@echo '  SANITIZE=address,undefined   SETUP=skip installs nothing   RESULTS=$(RESULTS)'

-include $(shell find $(BUILD)/obj -name '*.d' 2> /dev/null)
