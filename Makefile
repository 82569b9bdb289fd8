# mqttd: everything a developer or CI does, one target each. `make help` lists them.
# Set-up is part of every target: what is missing is fetched once and kept (see scripts/setup.sh).

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
# What takes long uses both processors by itself; set-up must run once at a time.
.NOTPARALLEL:

PORT ?= 1883
STAGES ?= unit contract system
ARCHS := x86_64 mips_24kc
# What the feed is for, under the names of OpenWrt.
FEED := mips_24kc mipsel_24kc arm_cortex-a7_neon-vfpv4 aarch64_cortex-a53 x86_64
ALL := $(sort $(ARCHS) $(FEED))
# The same without TLS.
NOSSL := $(FEED:%=%-nossl)

# The pinned Node that package-lock.json brings; the machine's own only runs npm.
NODE := node_modules/node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)/bin/node
TSC := $(NODE) node_modules/.bin/tsc
BIOME := $(NODE) node_modules/.bin/biome

VERSION := $(shell sed -n 's/^\t"version": "\(.*\)",$$/\1/p' package.json)
RELEASE := $(shell sed -n 's/^PKG_RELEASE:=//p' openwrt/mqttd/Makefile)
IPK := dist/mqttd_$(VERSION)-$(RELEASE)_mips_24kc.ipk
IPK_NOSSL := dist/mqttd-nossl_$(VERSION)-$(RELEASE)_mips_24kc.ipk

TARBALL := dist/mqttd-$(VERSION).tar.xz

TYPESCRIPT := $(shell find src -name '*.ts') package-lock.json scripts/bundle.ts
NATIVE := $(TYPESCRIPT) $(shell find src/qjs/c -type f) scripts/native.sh scripts/program.sh scripts/sources.sh
PACKAGED := $(shell find openwrt/mqttd files -type f) scripts/ipk.ts LICENSE

.PHONY: help run test dist build $(ALL:%=build-%) $(NOSSL:%=build-%) build-node ipk feed pkg check fuzz bench format clean setup-run setup-build setup-test setup-bench

help:
	@echo 'make run          a broker on port 1883 (PORT=N for another)'
	@echo 'make test         every check and every test'
	@echo 'make build        Node bundle and static binaries: build-node, $(ARCHS:%=build-%)'
	@echo 'make ipk          OpenWrt packages for mips_24kc, with TLS and without'
	@echo 'make feed         opkg feed, signed, for $(FEED)'
	@echo 'make dist         the tarball that the recipe in openwrt builds from, in an SDK of OpenWrt'
	@echo 'make pkg          single-file program for Linux on x64, with Node inside'
	@echo 'make check        types, lint, format, imports, generated files, shell scripts, normative statements'
	@echo 'make fuzz         mutation fuzzing of packets, what comes before them, access rights, TLS records, and files'
	@echo 'make bench        measurements beside mosquitto (BENCH=--quick for fewer messages)'
	@echo 'make format       formats the sources'
	@echo 'make clean        removes dist'

run: build-node
	@exec $(NODE) dist/mqttd.js -p $(PORT)

test: check build ipk dist pkg
	@$(NODE) scripts/test.ts $(STAGES)

build: build-node $(ARCHS:%=build-%)

build-node: dist/mqttd.js

$(ALL:%=build-%): build-%: dist/%/mqttd

$(NOSSL:%=build-%): build-%: dist/%/mqttd

ipk: $(IPK) $(IPK_NOSSL) dist/licences.txt

# MQTTD_FEED_KEY names the secret key; without it one is made and kept in dist.
feed: $(FEED:%=dist/%/mqttd) $(NOSSL:%=dist/%/mqttd) | setup-test
	rm -rf dist/feed
	$(NODE) scripts/feed.ts $(FEED)
	$(NODE) test/feed.ts

dist: $(TARBALL)

pkg: dist/mqttd-linux-x64

dist/mqttd.js: $(TYPESCRIPT) | setup-run
	$(NODE) scripts/bundle.ts src/bin/node.ts $@ node

# The script leaves a binary that did not change as it is; the time says that it was looked at.
$(ALL:%=dist/%/mqttd): dist/%/mqttd: $(NATIVE) | setup-build
	scripts/native.sh $*
	@touch $@

$(NOSSL:%=dist/%/mqttd): dist/%-nossl/mqttd: $(NATIVE) | setup-build
	MQTTD_TLS=no scripts/native.sh $*
	@touch $@

$(IPK): dist/mips_24kc/mqttd $(PACKAGED) package.json
	$(NODE) scripts/ipk.ts mqttd

$(IPK_NOSSL): dist/mips_24kc-nossl/mqttd $(PACKAGED) package.json
	$(NODE) scripts/ipk.ts mqttd-nossl

dist/licences.txt: scripts/licences.ts scripts/sources.sh LICENSE | setup-build
	$(NODE) scripts/licences.ts --notices $@

$(TARBALL): $(NATIVE) $(PACKAGED) $(shell find openwrt/luci-app-mqttd -type f) scripts/dist.ts package.json README.md CHANGELOG.md | setup-build
	$(NODE) scripts/bundle.ts src/bin/qjs.ts dist/bundle/mqttd.js quickjs
	$(NODE) scripts/dist.ts dist/bundle/mqttd.js "$$(scripts/sources.sh quickjs)" $@

dist/mqttd-linux-x64: dist/mqttd.js scripts/pkg.ts package-lock.json
	$(NODE) scripts/pkg.ts

check: setup-test
	$(TSC) -p .
	$(TSC) -p src/node
	$(TSC) -p src/qjs
	$(TSC) -p test
	$(TSC) -p test/luci/runtime
	$(BIOME) ci --colors=off --error-on-warnings
	$(NODE) scripts/bundle.ts src/bin/qjs.ts dist/bundle/mqttd.js quickjs
	$(NODE) scripts/imports.ts
	$(NODE) scripts/options.ts --check
	$(NODE) scripts/licences.ts --check
	$(NODE) scripts/luci-options.ts --check
	$(NODE) scripts/luci-texts.ts --check
	$(NODE) scripts/luci-lint.ts
	$(NODE) scripts/statements.ts
	shellcheck -S warning $$(find scripts test openwrt -name "*.sh" -o -name "*.defaults" -o -name rc.common) .ci/run openwrt/mqttd/files/mqttd.init
	for script in $$(find openwrt test/router -name "*.sh" -o -name "*.defaults" -o -name "*.init" -o -name rc.common); do \
		busybox ash -n $$script || exit 1; \
	done

fuzz: setup-test
	$(NODE) test/fuzz/packet.ts $(FUZZ)
	$(NODE) test/fuzz/door.ts $(FUZZ)
	$(NODE) test/fuzz/access.ts $(FUZZ)
	$(NODE) test/fuzz/ubus.ts $(FUZZ)
	$(NODE) test/fuzz/mosquitto.ts $(FUZZ)
	# Each of its inputs is read some dozens of times.
	$(NODE) test/fuzz/files.ts $(FUZZ) --count 3000
	$(NODE) test/fuzz/tls.ts $(FUZZ_TLS)

bench: setup-bench build
	$(NODE) test/bench/run.ts $(BENCH)

format: setup-run
	$(BIOME) check --write

clean:
	rm -rf dist

setup-run setup-build setup-test setup-bench: setup-%:
	@scripts/setup.sh $*
