# pkg.mk - what is given away: `make install`, `make dist`.
#   DESTDIR, PREFIX, UNITDIR   where to; INIT=openrc also installs the OpenRC script
#   DIST_ARCHES                the architectures of a release (all that are supported)

PREFIX ?= /usr/local
DIST_ARCHES ?= $(ARCHES)
DIST := $(BUILD)/dist
NAME := knetd-$(VERSION)
# All dates in what is given away are the last commit's; without a repository, the source's own.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y Makefile)

.PHONY: install uninstall dist deb
install uninstall: all
	@BINARY=$(OUT)/knetd PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' UNITDIR='$(UNITDIR)' FOR='local $(INIT)' etc/pkg/install.sh $@

deb: all
	@mkdir -p $(DIST)
	@etc/pkg/deb.sh $(ARCH) $(VERSION) $(OUT)/knetd $(DIST)/$(NAME)-$(ARCH).deb
	@echo "  deb $(DIST)/$(NAME)-$(ARCH).deb"

# Of one architecture: the binary, its debug information (gdb finds it by the build id), the package.
.PHONY: dist-one
dist-one: deb
	@install -m 755 $(OUT)/knetd $(DIST)/$(NAME)-$(ARCH)
	@$(CROSS)objcopy --only-keep-debug --compress-debug-sections=zlib $(OUT)/knetd.dbg $(DIST)/$(NAME)-$(ARCH).dbg
	@chmod 644 $(DIST)/$(NAME)-$(ARCH).dbg

dist:
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@git diff --quiet HEAD || echo "dist: the tree differs from HEAD, whose source $(NAME).tar.gz is" >&2
	git archive --format=tar --prefix=$(NAME)/ HEAD | gzip -9n >$(DIST)/$(NAME).tar.gz
	@set -e; for a in $(DIST_ARCHES); do echo "  dist $$a"; $(MAKE) ARCH=$$a dist-one; done
	@etc/pkg/spdx.sh $(VERSION) $(DIST)/$(NAME).tar.gz $(DIST_ARCHES:%=$(DIST)/$(NAME)-%) >$(DIST)/$(NAME).spdx.json
	@cd $(DIST) && LC_ALL=C && sha256sum $(NAME)* >SHA256SUMS
	@ls -l $(DIST)
