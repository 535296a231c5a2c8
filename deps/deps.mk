# deps.mk - the libraries, for a musl target (build/deps/ARCH) and for tests with the host's own C
# library (build/deps/host). A library is built again when its pin lines, its recipe or the flags
# change, and not otherwise; and all of them when the tree has moved, because musl's compiler wrapper
# names its own directory.

DEPS_LIBS := bearssl inih yyjson yaml lmdb nghttp2 z
DEPS_HOST_LIBS := $(DEPS_LIBS) mnl nftnl
PINS := $(BUILD)/pins
TARBALLS := $(BUILD)/tarballs

# Nothing of ours unwinds a stack but a debugger, which has the .dbg file.
NO_TABLES := -fno-asynchronous-unwind-tables -fno-unwind-tables
DEPS_CFLAGS := -std=gnu11 -pipe -Os -ffunction-sections -fdata-sections -fstack-protector-strong -fPIE $(NO_TABLES)
HOST_DEPS_CFLAGS := -std=gnu11 -pipe -O1 -g -fPIE

# PINS/NAME changes only when the library's own lines in deps/pins do, or the flags. Several makes may
# look at the same time.
.PHONY: FORCE
$(PINS)/%: deps/pins FORCE
	@mkdir -p $(@D)
	@new=$@.$$$$; { grep -E '^$* ' deps/pins; echo '$(DEPS_CFLAGS) $(HOST_DEPS_CFLAGS)'; \
		[ $* != musl ] || echo '$(abspath $(BUILD))'; } >$$new; \
		cmp -s $$new $@ && rm $$new || mv $$new $@

CROSS_x86_64 := x86_64-linux-gnu-
CROSS_aarch64 := aarch64-linux-gnu-
CROSS_armhf := arm-linux-gnueabihf-
CROSS_riscv64 := riscv64-linux-gnu-
CROSS := $(CROSS_$(ARCH))
ARCHES := x86_64 aarch64 armhf riscv64
ifeq ($(CROSS),)
$(error ARCH=$(ARCH): what is supported is $(ARCHES) (libnftnl is pinned for no other))
endif

MUSL := $(BUILD)/deps/$(ARCH)
MUSL_CC := $(MUSL)/bin/musl-gcc
MUSL_ARCHIVES := $(foreach l,$(DEPS_LIBS) mnl nftnl,$(MUSL)/lib/lib$(l).a)

$(MUSL_CC): $(PINS)/musl deps/build.sh
	@echo "  musl $(ARCH)"
	@deps/fetch.sh $(TARBALLS) musl $(ARCH)
	@CC=$(CROSS)gcc AR=$(CROSS)ar deps/build.sh musl $(MUSL) $(TARBALLS) $(ARCH)
	@touch $@

$(foreach l,$(DEPS_LIBS) mnl nftnl,$(eval $(MUSL)/lib/lib$(l).a: $(PINS)/$(l) deps/build.sh))
$(MUSL)/lib/lib%.a: $(MUSL_CC)
	@echo "  lib$* $(ARCH)"
	@deps/fetch.sh $(TARBALLS) $* $(ARCH)
	@CC=$(abspath $(MUSL_CC)) AR=$(CROSS)gcc-ar CFLAGS='$(DEPS_CFLAGS)' deps/build.sh $* $(MUSL) $(TARBALLS) $(ARCH)
	@touch $@

# For unit tests of another architecture than this machine's.
$(eval $(MUSL)/lib/libcmocka.a: $(PINS)/cmocka deps/build.sh)

# A program for images, not linked with anything of ours.
DHCPCD := $(BUILD)/$(ARCH)/dhcpcd
.PHONY: dhcpcd
dhcpcd: $(DHCPCD)
$(DHCPCD): $(PINS)/dhcpcd deps/dhcpcd.sh deps/dhcpcd.patch $(MUSL_CC)
	@echo "  dhcpcd $(ARCH)"
	@deps/fetch.sh $(TARBALLS) dhcpcd $(ARCH)
	@CC=$(abspath $(MUSL_CC)) STRIP=$(CROSS)strip deps/dhcpcd.sh $@ $(TARBALLS) $(ARCH)

# For tests: the same sources, the host's compiler and C library, no sanitizers inside the libraries.
HOST := $(BUILD)/deps/host
HOST_ARCHIVES := $(foreach l,$(DEPS_HOST_LIBS),$(HOST)/lib/lib$(l).a)
$(foreach l,$(DEPS_HOST_LIBS),$(eval $(HOST)/lib/lib$(l).a: $(PINS)/$(l) deps/build.sh))
$(HOST)/lib/lib%.a:
	@echo "  lib$* host"
	@deps/fetch.sh $(TARBALLS) $* $(HOST_ARCH)
	@CC=gcc AR=gcc-ar CFLAGS='$(HOST_DEPS_CFLAGS)' deps/build.sh $* $(HOST) $(TARBALLS) $(HOST_ARCH)
	@touch $@

.PHONY: deps
deps: $(MUSL_ARCHIVES) $(HOST_ARCHIVES)
	@MUSL=$(MUSL) CROSS=$(CROSS) deps/check-symbols.sh
