# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The front door. Each target installs by itself what it needs from Debian (scripts/install-deps), then
# leaves the work to meson and the scripts.

BUILD   ?= build
PREFIX  ?= /usr/local
# Below PREFIX. What meson takes by itself on a Debian without dpkg-dev (lib64), ld.so does not search.
LIBDIR  ?= lib
DESTDIR ?=
# All but guests once more under each sanitizer; "make check SANITIZERS=" leaves that out.
SANITIZERS ?= address thread
# Where QEMU and the guest's kernel are kept; shared by all builds of this tree.
GUEST   ?= $(CURDIR)/build/guest
# The same for the tools of another Debian.
TOOLS   ?= $(CURDIR)/build/tools

export UMDEV_GUEST := $(GUEST)
export UMDEV_TOOLS := $(TOOLS)

.PHONY: help build demo demo-ap demo-s390x check quick bench fuzz lint install clean

help:
	@echo 'make build      compile everything into $(BUILD)/'
	@echo 'make demo       boot a guest that talks through a mediated serial port'
	@echo 'make demo-ap    crypto adapters, a mediated matrix, and a guest that uses its queues'
	@echo "make demo-s390x boot a mainframe's Linux that brings disks behind subchannels online"
	@echo 'make quick      the tests that take less than a minute'
	@echo 'make check      all tests, plain and under sanitizers, with guests and static analysis'
	@echo 'make bench      measure against the bare floor, as ratios'
	@echo 'make fuzz       fuzz protocol, device trees, channel programs and attributes for SECONDS=600'
	@echo 'make install    into PREFIX=$(PREFIX), below DESTDIR'
	@echo 'make clean      remove what was built'

# A new folder gets no tests: they need more from Debian. One that has them keeps them.
build:
	@scripts/install-deps build
	@scripts/build $(BUILD) --prefix=$(PREFIX) --libdir=$(LIBDIR) $(if $(wildcard $(BUILD)/build.ninja),,-Dtests=false)

demo: build
	@scripts/install-deps demo
	@scripts/fetch-guest $(GUEST)
	@UMDEV_BUILD=$(BUILD) scripts/demo $(DEMO_ARGS)

demo-ap: build
	@UMDEV_BUILD=$(BUILD) scripts/demo-ap

demo-s390x: build
	@scripts/install-deps demo
	@scripts/fetch-guest $(GUEST) s390x
	@UMDEV_BUILD=$(BUILD) scripts/demo-s390x $(DEMO_ARGS)

quick:
	@scripts/install-deps build check
	@scripts/build $(BUILD) -Dtests=true
	@meson test -C $(BUILD) --no-rebuild --suite quick --print-errorlogs

check:
	@scripts/install-deps build check tools demo
	@scripts/fetch-guest $(GUEST)
	@scripts/fetch-tools $(TOOLS)
	@BUILD=$(BUILD) SANITIZERS='$(SANITIZERS)' scripts/check

bench:
	@scripts/install-deps build
	@scripts/build $(BUILD)-bench --buildtype=release -Dbench=true -Dtests=false
	@scripts/bench $(BUILD)-bench

fuzz:
	@scripts/install-deps build check
	@scripts/build $(BUILD)-asan -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
	@scripts/fuzz $(BUILD)-asan $(or $(SECONDS),600)

lint:
	@scripts/install-deps build check
	@scripts/build $(BUILD) -Dtests=true
	@scripts/lint $(BUILD)

install: build
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || PATH=$$PATH:/sbin:/usr/sbin ldconfig

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-clang $(BUILD)-bench
