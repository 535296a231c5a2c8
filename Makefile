# knetd. `make help` lists what can be made.

VERSION := 0.1.0
HOST_ARCH := $(shell uname -m)
ARCH ?= $(HOST_ARCH)
BUILD := build
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
FUZZ_SECONDS ?= 30

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
include deps/deps.mk

SOURCES := $(wildcard knetd/*.c knetd/kern/*.c knetd/ctl/*.c modules/*/*.c)
OUT := $(BUILD)/$(ARCH)
WARN := -Wall -Wextra -Werror
LANGUAGE := -std=gnu11 -D_GNU_SOURCE -Iinclude -DKNETD_VERSION='"$(VERSION)"' -DINI_HANDLER_LINENO=1 -DNGHTTP2_STATICLIB
COMMON := $(LANGUAGE) -pipe -g $(WARN) -MMD -MP
# The libraries' headers are not ours to warn about.
HARDEN := -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections
# The tables of the API are full of pointers: packed, their relocations take no room to speak of.
LINK := -static-pie -Wl,-z,pack-relative-relocs -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections
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
$(OUT)/o/modules/dns/%.o $(OUT)/o/modules/ingress/%.o $(OUT)/o/knetd/http%.o $(OUT)/o/knetd/map.o $(OUT)/o/knetd/buf.o: SPEED := -O2

$(OUT)/o/%.o: %.c Makefile $(MUSL_ARCHIVES) | $(MUSL_CC)
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(MUSL_CC) $(SPEED) $(COMMON) $(HARDEN) -isystem $(MUSL)/include -c -o $@ $<

$(OUT)/knetd: $(OBJECTS) $(MUSL_ARCHIVES)
	@echo "  ld $@"
	@$(MUSL_CC) $(LINK) -o $@.dbg $(OBJECTS) -L$(MUSL)/lib $(LIB_ORDER)
	@$(CROSS)strip -s -o $@.new $@.dbg && mv $@.new $@

# ---- unit tests: the same sources under the host's compiler and sanitizers ---------------------------

SAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
H := $(BUILD)/host
HOST_OBJECTS := $(patsubst %.c,$(H)/o/%.o,$(filter-out knetd/main.c,$(SOURCES)))
TESTS := $(patsubst tests/unit/%.c,$(H)/tests/%,$(wildcard tests/unit/test_*.c))
HOST_LINK = -L$(HOST)/lib $(LIB_ORDER) -lcmocka

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
check: $(TESTS)
	@tests/unit/run.sh $(TESTS)

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
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^ -L$(HOST)/lib $(LIB_ORDER)

.PHONY: fuzz
fuzz: $(FUZZERS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZERS)

# ---- what people run ----------------------------------------------------------------------------------

.PHONY: needs test-needs run demo test bench vm vm-test vm-flows lint dist clean install help
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
	@$(MAKE) all deps
	@tests/run.sh

bench:
	@$(MAKE) test-needs
	@$(MAKE) all
	@tests/bench/run.sh

vm: all
	@vm/run.sh

vm-test: all
	@vm/test.sh

vm-flows: all
	@vm/flows.sh

OURS := $(SOURCES) $(wildcard include/knetd/*.h knetd/*.h knetd/kern/*.h knetd/ctl/*.h modules/*/*.h tests/unit/*.[ch] tests/fuzz/*.c rootfs/*.c)
lint: $(HOST_ARCHIVES)
	clang-format --dry-run --Werror $(OURS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --suppress=missingIncludeSystem \
		--suppress='*:$(HOST)/*' -D'yyjson_arr_foreach(a,i,n,v)=for(;;)' -D'yyjson_obj_foreach(o,i,n,k,v)=for(;;)' \
		-D'yyjson_mut_arr_foreach(a,i,n,v)=for(;;)' -D'yyjson_mut_obj_foreach(o,i,n,k,v)=for(;;)' \
		-Iinclude -D_GNU_SOURCE -D__$(HOST_ARCH)__ -DKNETD_VERSION='""' $(SOURCES)
	@echo clang-tidy of $(words $(SOURCES)) files
	@printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -n 8 tests/tidy.sh $(LANGUAGE) -isystem $(HOST)/include --

dist: all
	@mkdir -p $(BUILD)/dist
	git archive --prefix=knetd-$(VERSION)/ -o $(BUILD)/dist/knetd-$(VERSION).tar.gz HEAD
	cp $(OUT)/knetd $(BUILD)/dist/knetd-$(VERSION)-$(ARCH)
	cd $(BUILD)/dist && sha256sum knetd-$(VERSION)* >SHA256SUMS

install: all
	install -D -m 755 $(OUT)/knetd $(DESTDIR)/usr/local/sbin/knetd
	install -D -m 644 etc/knetd.ini $(DESTDIR)/etc/knetd.ini
	install -D -m 644 etc/systemd/knetd.service $(DESTDIR)/etc/systemd/system/knetd.service
	install -d $(DESTDIR)/opt/cni/bin $(DESTDIR)/etc/cni/net.d
	ln -sf /usr/local/sbin/knetd $(DESTDIR)/opt/cni/bin/knet
	ln -sf /usr/local/sbin/knetd $(DESTDIR)/opt/cni/bin/loopback
	install -D -m 644 etc/man/knetctl.1 $(DESTDIR)/usr/local/share/man/man1/knetctl.1
	install -D -m 644 etc/man/knet.8 $(DESTDIR)/usr/local/share/man/man8/knet.8
	install -D -m 644 etc/man/knetd.8 $(DESTDIR)/usr/local/share/man/man8/knetd.8
	install -D -m 644 etc/man/knetd.ini.5 $(DESTDIR)/usr/local/share/man/man5/knetd.ini.5
	install -d $(DESTDIR)/usr/local/bin
	ln -sf ../sbin/knetd $(DESTDIR)/usr/local/bin/knetctl
	install -m 644 etc/containerd/10-knet.conflist $(DESTDIR)/etc/cni/net.d/

clean:
	rm -rf $(BUILD)/x86_64 $(BUILD)/aarch64 $(BUILD)/host $(BUILD)/fuzz $(BUILD)/knetd

help:
	@echo "make            the binary: build/$(ARCH)/knetd (ARCH=aarch64 crosses)"
	@echo "make run        install build needs, build, run in the foreground with etc/knetd.ini"
	@echo "make demo       two pods, a Service, a name, an Ingress, in namespaces of their own"
	@echo "make check      unit tests under sanitizers: no root, seconds"
	@echo "make test       everything: unit, fuzz, namespaces, API, containerd, VM, lint"
	@echo "make bench      figures beside the peers' in the same run"
	@echo "make vm         boot the test machine; make vm-test judges it unattended, vm-flows its Services and DNS"
	@echo "make fuzz lint dist install clean"

-include $(OBJECTS:.o=.d) $(wildcard $(H)/o/*/*.d $(H)/o/*/*/*.d $(F)/o/*/*.d $(F)/o/*/*/*.d)
