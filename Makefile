# knetd. `make help` lists what can be made.

VERSION := 0.1.0
HOST_ARCH := $(patsubst armv7%,armhf,$(shell uname -m))
ARCH ?= $(HOST_ARCH)
BUILD := build
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
FUZZ_SECONDS ?= 30

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
include deps/deps.mk

SOURCES := $(sort $(wildcard knetd/*.c knetd/kern/*.c knetd/ctl/*.c knetd/init/*.c modules/*/*.c))
OUT := $(BUILD)/$(ARCH)
WARN := -Wall -Wextra -Werror
LANGUAGE := -std=gnu11 -D_GNU_SOURCE -Iinclude -DKNETD_VERSION='"$(VERSION)"' -DINI_HANDLER_LINENO=1 -DNGHTTP2_STATICLIB
COMMON := $(LANGUAGE) -pipe -g $(WARN) -MMD -MP
# The libraries' headers are not ours to warn about.
HARDEN := -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections $(NO_TABLES) -ffile-prefix-map=$(CURDIR)=.
# The tables of the API are full of pointers: packed, their relocations take no room to speak of.
LINK_x86_64 := -Wl,-z,pack-relative-relocs
# Else its linker leaves some names of the program itself to a dynamic linker, and there is none.
LINK_riscv64 := -Wl,--version-script=deps/no-exports
LINK := -static-pie $(LINK_$(ARCH)) -Wl,-O1 -Wl,--build-id=sha1 -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections
LIB_ORDER := -lnftnl -lmnl -lbearssl -lnghttp2 -linih -lyyjson -lyaml -llmdb -lz

# ---- the daemon --------------------------------------------------------------------------------

OBJECTS := $(SOURCES:%.c=$(OUT)/o/%.o) $(OUT)/o/deps/fortify_shim.o

.PHONY: all
all: $(OUT)/knetd
ifeq ($(ARCH),$(HOST_ARCH))
	@ln -sfn $(ARCH)/knetd $(BUILD)/knetd
	@ln -sfn $(ARCH)/knetd $(BUILD)/knetctl
endif

# What touches each packet's or request's bytes is made to be quick, everything else to be small.
SPEED := -Os
$(OUT)/o/modules/dns/%.o $(OUT)/o/modules/ingress/proxy_%.o $(OUT)/o/knetd/http%.o $(OUT)/o/knetd/map.o $(OUT)/o/knetd/buf.o $(OUT)/o/knetd/blocks.o $(OUT)/o/knetd/loop.o $(OUT)/o/knetd/pack.o: SPEED := -O2

# The clock of a machine that knetd is the first process of is never before this: the release's day.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
$(BUILD)/build-time: FORCE
	@mkdir -p $(@D)
	@echo $(BUILD_TIME) | cmp -s - $@ || echo $(BUILD_TIME) >$@
$(OUT)/o/knetd/init/clock.o: $(BUILD)/build-time
$(OUT)/o/knetd/init/clock.o: COMMON += -DKNETD_BUILD_TIME=$(BUILD_TIME)

$(OUT)/o/%.o: %.c Makefile $(MUSL_ARCHIVES) | $(MUSL_CC)
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(MUSL_CC) $(SPEED) $(COMMON) $(HARDEN) -isystem $(MUSL)/include -c -o $@ $<

# The status page, packed, as the assembler takes it in.
UI_FILES := $(patsubst %,$(BUILD)/ui/%.gz,$(notdir $(wildcard modules/ui/*.html modules/ui/*.css modules/ui/*.js)))
$(BUILD)/ui/%.gz: modules/ui/%
	@mkdir -p $(@D)
	@gzip -9nc $< >$@
UI_OBJECTS := $(OUT)/o/modules/ui/ui_files.o $(BUILD)/host/o/modules/ui/ui_files.o $(BUILD)/fuzz/o/modules/ui/ui_files.o
$(UI_OBJECTS): $(UI_FILES)
$(UI_OBJECTS): COMMON += -DUI_PACKED='"$(BUILD)/ui/"'

$(OUT)/knetd: $(OBJECTS) $(MUSL_ARCHIVES) deps/no-exports
	@echo "  ld $@"
	@$(MUSL_CC) $(LINK) -o $@.dbg $(OBJECTS) -L$(MUSL)/lib $(LIB_ORDER)
	@$(CROSS)strip -s -o $@.new $@.dbg && mv $@.new $@

# For tests of upgrades: `make $(OUT)/variant/NAME VARIANT=...` is the daemon as a release to come would be,
# with other words in what tells releases apart. VARIANT_LINK: what a broken one would have besides.
VARIANT_SOURCES := knetd/main.c knetd/upgrade.c knetd/store_lmdb.c modules/api/api_static.c modules/api/api_node.c
VARIANT_OBJECTS = $(filter-out $(VARIANT_SOURCES:%.c=$(OUT)/o/%.o),$(OBJECTS))

.PHONY: $(OUT)/variant/%
$(OUT)/variant/%: $(OUT)/knetd
	@mkdir -p $@.o
	@for c in $(VARIANT_SOURCES) $(VARIANT_EXTRA); do \
		$(MUSL_CC) $(SPEED) $(filter-out -MMD -MP -DKNETD_VERSION=%,$(COMMON)) $(VARIANT) $(HARDEN) \
			-isystem $(MUSL)/include -c -o $@.o/$$(echo $$c | tr / _).o $$c || exit 1; done
	@$(MUSL_CC) $(LINK) $(VARIANT_LINK) -o $@ $(VARIANT_OBJECTS) $@.o/*.o -L$(MUSL)/lib $(LIB_ORDER)
	@$(CROSS)strip -s $@

# ---- unit tests: the same sources under the host's compiler and sanitizers ---------------------------

SAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
H := $(BUILD)/host
HOST_OBJECTS := $(patsubst %.c,$(H)/o/%.o,$(filter-out knetd/main.c,$(SOURCES)))
TESTS := $(patsubst tests/unit/%.c,$(H)/tests/%,$(wildcard tests/unit/test_*.c))
HOST_LINK = -L$(HOST)/lib $(LIB_ORDER) -lcmocka -lcrypt

$(H)/o/%.o: %.c Makefile $(HOST_ARCHIVES)
	@mkdir -p $(@D)
	@gcc $(SAN) $(COMMON) -isystem $(HOST)/include -c -o $@ $<

$(H)/libknetd.a: $(HOST_OBJECTS)
	@rm -f $@ && gcc-ar rcs $@ $^

# Tests named test_plan_* see the fake kernel door instead of the real one.
$(filter $(H)/tests/test_plan_%,$(TESTS)): $(H)/tests/%: $(H)/o/tests/unit/%.o $(H)/o/tests/unit/fake_kern.o \
		$(H)/o/tests/unit/fake_nft.o $(H)/libknetd.a
	@mkdir -p $(@D)
	@gcc $(SAN) -o $@ $^ $(HOST_LINK)

$(H)/tests/%: $(H)/o/tests/unit/%.o $(H)/libknetd.a
	@mkdir -p $(@D)
	@gcc $(SAN) -o $@ $^ $(HOST_LINK)

.SECONDARY:
.PHONY: check
ifeq ($(ARCH),$(HOST_ARCH))
check: $(TESTS)
	@tests/unit/run.sh $(TESTS)
else
# Another architecture: the daemon's own objects under QEMU's user emulation, no sanitizers. Left out is what
# emulation cannot do (tests/unit/not-emulated says why); UNIT= names a part: UNIT='test_conf test_map'.
UNIT ?= $(filter-out $(shell sed 's/\#.*//' tests/unit/not-emulated),$(TESTS:$(H)/tests/%=%))
CROSS_TESTS := $(UNIT:%=$(OUT)/tests/%)
CROSS_LIBS = $(OUT)/libknetd.a $(OUT)/o/deps/fortify_shim.o -L$(MUSL)/lib -lcmocka $(LIB_ORDER)

$(OUT)/libknetd.a: $(filter-out %/knetd/main.o %/fortify_shim.o,$(OBJECTS))
	@rm -f $@ && $(CROSS)gcc-ar rcs $@ $^

$(filter $(OUT)/tests/test_plan_%,$(CROSS_TESTS)): $(OUT)/o/tests/unit/fake_kern.o $(OUT)/o/tests/unit/fake_nft.o
$(CROSS_TESTS): $(OUT)/tests/%: $(OUT)/o/tests/unit/%.o $(OUT)/o/tests/unit/emulated.o $(OUT)/libknetd.a $(OUT)/o/deps/fortify_shim.o $(MUSL)/lib/libcmocka.a
	@mkdir -p $(@D)
	@$(MUSL_CC) -static $(LINK_$(ARCH)) -o $@ $(filter %.o,$(filter-out %/fortify_shim.o,$^)) $(CROSS_LIBS)
CROSS_TEST_OBJECTS := $(patsubst %,$(OUT)/o/tests/unit/%.o,$(UNIT) fake_kern fake_nft)
$(CROSS_TEST_OBJECTS): COMMON += -D_UINTPTR_T
$(CROSS_TEST_OBJECTS): | $(MUSL)/lib/libcmocka.a

check: $(CROSS_TESTS) $(OUT)/knetd
	@qemu-$(ARCH:armhf=arm)-static $(OUT)/knetd -t -c etc/knetd.ini
	@EMULATOR=qemu-$(ARCH:armhf=arm)-static tests/unit/run.sh $(CROSS_TESTS)
endif

# ---- fuzzing ---------------------------------------------------------------------------------------

F := $(BUILD)/fuzz
FUZZERS := $(patsubst tests/fuzz/%.c,$(F)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SAN := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_OBJECTS := $(patsubst %.c,$(F)/o/%.o,$(filter-out knetd/main.c,$(SOURCES)))

$(F)/o/%.o: %.c Makefile $(HOST_ARCHIVES)
	@mkdir -p $(@D)
	@clang $(FUZZ_SAN) $(COMMON) -Wno-error -isystem $(HOST)/include -c -o $@ $<

$(F)/libknetd.a: $(FUZZ_OBJECTS)
	@rm -f $@ && gcc-ar rcs $@ $^

$(F)/fuzz_%: $(F)/o/tests/fuzz/fuzz_%.o $(F)/libknetd.a
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^ -L$(HOST)/lib $(LIB_ORDER) -lcrypt

.PHONY: fuzz
fuzz: $(FUZZERS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZERS)

# ---- what people run ----------------------------------------------------------------------------------

.PHONY: needs test-needs run demo test bench vm vm-test vm-flows vm-kernels init-test image image-test pods-test lint clean help
needs:
	@deps/install-build-needs.sh $(ARCH)

test-needs: needs
	@tests/install-needs.sh

run:
	@$(MAKE) needs
	@$(MAKE) all
	@echo "The API answers on /run/knetd/knetd.sock. Try, in another terminal:"
	@echo "  curl --unix-socket /run/knetd/knetd.sock http://localhost/readyz"
	@echo "  curl --unix-socket /run/knetd/knetd.sock http://localhost/api/v1/services"
	@exec $(BUILD)/knetd -c etc/knetd.ini

demo:
	@$(MAKE) needs
	@$(MAKE) all
	@tests/demo.sh

test:
	@$(MAKE) test-needs
	@$(MAKE) all deps dhcpcd
	@tests/run.sh

bench:
	@$(MAKE) test-needs
	@$(MAKE) all
	@tests/bench/run.sh

vm: all
	@vm/run.sh

vm-test: all
	@vm/test.sh

init-test: all dhcpcd
	@vm/init-test.sh

image: all dhcpcd
	@vm/image.sh

image-test: all dhcpcd
	@vm/image-test.sh

pods-test: all
	@vm/pods-test.sh

vm-flows: all
	@vm/flows.sh

vm-kernels: all
	@vm/kernels.sh

OURS := $(SOURCES) $(wildcard include/knetd/*.h knetd/*.h knetd/kern/*.h knetd/ctl/*.h knetd/init/*.h modules/*/*.h tests/unit/*.[ch] tests/fuzz/*.c rootfs/*.c)
lint: $(HOST_ARCHIVES)
	clang-format --dry-run --Werror $(OURS)
	cppcheck --quiet -j $$(nproc) --error-exitcode=1 --inline-suppr --enable=warning,portability --suppress=missingIncludeSystem \
		--suppress='*:$(HOST)/*' -D'yyjson_arr_foreach(a,i,n,v)=for(;;)' -D'yyjson_obj_foreach(o,i,n,k,v)=for(;;)' \
		-D'yyjson_mut_arr_foreach(a,i,n,v)=for(;;)' -D'yyjson_mut_obj_foreach(o,i,n,k,v)=for(;;)' \
		-Iinclude -D_GNU_SOURCE -D__$(HOST_ARCH)__ -DKNETD_VERSION='""' $(SOURCES)
	@echo clang-tidy of $(words $(SOURCES)) files
	@printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -n 2 tests/tidy.sh $(LANGUAGE) -isystem $(HOST)/include --

include etc/pkg/pkg.mk

clean:
	rm -rf $(ARCHES:%=$(BUILD)/%) $(BUILD)/host $(BUILD)/dist $(BUILD)/fuzz $(BUILD)/knetd

help:
	@echo "make            the binary: build/$(ARCH)/knetd (ARCH=aarch64, armhf or riscv64 crosses)"
	@echo "make run        install build needs, build, run in the foreground with etc/knetd.ini"
	@echo "make demo       two pods, a Service, a name, an Ingress, in namespaces of their own"
	@echo "make check      unit tests under sanitizers: no root, seconds; with ARCH=aarch64 emulated"
	@echo "make test       everything: unit, fuzz, namespaces, API, containerd, VM, lint"
	@echo "make bench      figures beside the peers' in the same run"
	@echo "make vm         boot the test machine; make vm-test judges it unattended, vm-flows its Services and DNS"
	@echo "                vm-kernels: on a kernel that has hardly anything; init-test: the first process"
	@echo "make image      kernel, initramfs and a disk image that boots by UEFI and BIOS; image-test boots it"
	@echo "                PODS=1 with vm and image: a node that runs pods by itself; pods-test"
	@echo "make fuzz lint clean"
	@echo "make install    PREFIX=/usr/local, DESTDIR=; also make uninstall"
	@echo "make dist       what is released: source, binaries, packages, SPDX, checksums (DIST_ARCHES=...)"

-include $(OBJECTS:.o=.d) $(wildcard $(H)/o/*/*.d $(H)/o/*/*/*.d $(F)/o/*/*.d $(F)/o/*/*/*.d)
