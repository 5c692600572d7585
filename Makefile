# SPDX-License-Identifier: MIT
# balact: make help lists the targets. Everything is built under $(BUILD), nothing beside the sources.

BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
AR     ?= ar
OPT    ?= -O2 -g
VERSION := 0.1.0

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# What the machine offers. setup/configure.sh probes with the compiler at hand, writes
# $(BUILD)/config.mk and touches it only when something changed.
CONFIG := $(BUILD)/config.mk
ifeq ($(filter clean help distclean,$(MAKECMDGOALS)),)
DUMMY := $(shell CC='$(CC)' CFLAGS='$(CFLAGS)' SANITIZE='$(SANITIZE)' WITHOUT='$(WITHOUT)' sh setup/configure.sh '$(BUILD)' >&2)
include $(CONFIG)
endif

WARN := -Wall -Wextra -Wpedantic
BASE_CFLAGS := -std=c11 $(WARN) $(OPT) -ffp-contract=off -fno-math-errno -fPIC -fvisibility=default \
    $(OPENMP_CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) $(CFLAGS)
BASE_CPPFLAGS := -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Iinclude -I. \
    -DBALACT_VERSION='"$(VERSION)"' $(FEATURE_CPPFLAGS) $(CPPFLAGS)
BASE_LDFLAGS := $(OPENMP_CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LIBS := $(FEATURE_LIBS) -lm

LIBRARY_SOURCES := $(wildcard reference/*.c optimized/*.c datasets/*.c bench/evaluate/*.c) \
    $(CPU_SOURCES)
PROGRAM_SOURCES := $(wildcard bench/*.c bench/commands/*.c bench/train/*.c bench/measure/*.c plots/*.c)
TEST_SOURCES := $(wildcard tests/test_*.c)

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/obj/%.o)
PROGRAM_OBJECTS := $(PROGRAM_SOURCES:%.c=$(BUILD)/obj/%.o)
PROGRAM_LIBRARY := $(filter-out $(BUILD)/obj/bench/balact.o,$(PROGRAM_OBJECTS))
TEST_PROGRAMS := $(TEST_SOURCES:tests/%.c=$(BUILD)/tests/%)

.PHONY: all
all: $(BUILD)/balact $(BUILD)/libbalact.a

# Compiled flags are a prerequisite: when they change, objects are rebuilt.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(subst ','\'',$(CC) $(BASE_CPPFLAGS) $(BASE_CFLAGS) | $(BASE_LDFLAGS) $(LIBS))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: FORCE
FORCE:

$(BUILD)/obj/optimized/cpu/avx2.o: ISA := $(AVX2_CFLAGS)
$(BUILD)/obj/optimized/cpu/avx512.o: ISA := $(AVX512_CFLAGS)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(BASE_CPPFLAGS) $(BASE_CFLAGS) $(ISA) -MMD -MP -c $< -o $@

$(BUILD)/libbalact.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/balact: $(PROGRAM_OBJECTS) $(BUILD)/libbalact.a
	$(CC) $(BASE_LDFLAGS) -o $@ $(PROGRAM_OBJECTS) $(BUILD)/libbalact.a $(LIBS)

# Every tests/test_*.c is one Check program, linked with the harness and all but the main of balact.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/obj/tests/harness.o $(PROGRAM_LIBRARY) $(BUILD)/libbalact.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libbalact.a $(CHECK_LIBS) $(LIBS)

.PHONY: tests
tests: $(TEST_PROGRAMS)

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
