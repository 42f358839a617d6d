# `make run` starts Offhook, `make test` proves it; `make help` lists the rest.

CARGO      ?= cargo
DATA       ?= ./offhook-data
# Tests at once: they start real servers, so no more than four whatever the machine.
TEST_JOBS  ?= $(shell n=$$(nproc); [ $$n -lt 4 ] && echo $$n || echo 4)
TARGET     := $(or $(CARGO_TARGET_DIR),target)
OFFHOOK    := $(abspath $(TARGET))/debug/offhook

# Real clients that the tests fetch with, and what `make bench` measures against.
TEST_PACKAGES  := curl git openssl python3-jinja2 tftp-hpa atftp busybox systemd postgresql python3-venv
DEB_TEST_PACKAGES := adduser ca-certificates curl dpkg-dev iproute2 systemd util-linux
# The store's own suite knows both databases. The black-box suite runs once on each, but for what never meets the store (the sources, the
# units) and what brings its databases itself.
NOT_TWICE      := architecture:: packaging:: two_nodes:: durability:: backup::without_a_server
BENCH_PACKAGES := nginx-light dnsmasq-base wrk

# cargo-deny lands here when the machine has none.
export PATH := $(abspath $(TARGET))/tools/bin:$(PATH)

.PHONY: help run demo test bench bench-million build fmt fmt-check lint doc deny deb deb-test tools clean-data

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build ## start the server on unprivileged ports, data in ./offhook-data
	@OFFHOOK_DATA_DIR=$(DATA) \
	OFFHOOK_ADMIN__LISTEN="$${OFFHOOK_ADMIN__LISTEN:-127.0.0.1:8666}" \
	OFFHOOK_PHONES__HTTP__LISTEN="$${OFFHOOK_PHONES__HTTP__LISTEN:-0.0.0.0:8667}" \
	OFFHOOK_PHONES__TFTP__LISTEN="$${OFFHOOK_PHONES__TFTP__LISTEN:-0.0.0.0:6969}" \
	exec $(OFFHOOK) serve

demo: build ## with `make run` going: a small office boots its phones
	@OFFHOOK_DATA_DIR=$(DATA) $(CARGO) run --locked --quiet -p offhook --example demo

test: tools fmt-check deny lint doc ## everything that must hold; installs what it needs when it may
	$(CARGO) build --locked --workspace --all-targets
	@if $(CARGO) nextest --version >/dev/null 2>&1; \
	then set -x; OFFHOOK_BIN=$(OFFHOOK) $(CARGO) nextest run --locked --workspace --no-fail-fast --test-threads $(TEST_JOBS); \
	else set -x; OFFHOOK_BIN=$(OFFHOOK) $(CARGO) test --locked --workspace --all-targets --no-fail-fast -- --test-threads $(TEST_JOBS); fi
	@export OFFHOOK_TEST_STORE=postgres OFFHOOK_BIN=$(OFFHOOK); if $(CARGO) nextest --version >/dev/null 2>&1; \
	then set -x; $(CARGO) nextest run --locked -p offhook-tests --no-fail-fast --test-threads $(TEST_JOBS) -- $(NOT_TWICE:%=--skip %); \
	else set -x; $(CARGO) test --locked -p offhook-tests --no-fail-fast -- --test-threads $(TEST_JOBS) $(NOT_TWICE:%=--skip %); fi
	$(OFFHOOK) pack check vendors
	$(OFFHOOK) pack test vendors
	@if [ "$$(id -u)" = 0 ] && unshare --mount --pid --fork --ipc --uts --cgroup --net true; \
	then $(MAKE) --no-print-directory deb-test; \
	else echo "left out: only root, where it may make namespaces, can install and boot the Debian package: sudo make deb-test" >&2; fi

bench: ## speed, CPU and memory beside nginx and dnsmasq; RUNS=3 and more for steadier figures
	@tests/install-packages $(BENCH_PACKAGES)
	$(CARGO) build --locked --release -p offhook -p offhook-bench
	$(TARGET)/release/offhook-bench $(TARGET)/release/offhook

# cargo-deb lands beside cargo-deny.
deb: ## a Debian package in target/debian: the program, its units, configuration, manual pages, documentation
	@$(CARGO) deb --version >/dev/null 2>&1 || $(CARGO) install --locked --root $(TARGET)/tools cargo-deb
	$(CARGO) build --locked --release -p offhook
	packaging/prepare $(TARGET)/release/offhook target/packaging
	$(CARGO) deb -p offhook --locked --no-build

deb-test: build ## as root: a package of the debug build is installed into a system of its own, driven, upgraded and removed
	@tests/install-packages $(DEB_TEST_PACKAGES)
	@$(CARGO) deb --version >/dev/null 2>&1 || $(CARGO) install --locked --root $(TARGET)/tools cargo-deb
	packaging/prepare $(OFFHOOK) target/packaging
	$(CARGO) deb -p offhook --locked --no-build --profile dev --fast -q -o target/packaging/offhook.deb
	packaging/test-deb target/packaging/offhook.deb

bench-million: ## a million devices on SQLite and on PostgreSQL; DEVICES=100000 STORES=sqlite for less
	$(CARGO) build --locked --release -p offhook -p offhook-bench
	OFFHOOK_BIN=$(abspath $(TARGET))/release/offhook $(TARGET)/release/million

build:
	$(CARGO) build --locked -p offhook

fmt: ## format the sources
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc: ## the API documentation of the crates, warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

deny: tools
	$(CARGO) deny --locked check --hide-inclusion-graph bans licenses sources

tools:
	@tests/install-packages $(TEST_PACKAGES)
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked --root $(TARGET)/tools cargo-deny
	@cmp -s tests/python.txt $(TARGET)/tools/python/installed || { python3 -m venv --clear $(TARGET)/tools/python \
	&& $(TARGET)/tools/python/bin/pip --quiet --disable-pip-version-check install --requirement tests/python.txt \
	&& cp tests/python.txt $(TARGET)/tools/python/installed; } \
	|| { echo "schemathesis could not be installed from PyPI: see tests/python.txt" >&2; exit 1; }

clean-data: ## forget what `make run` stored
	rm -rf $(DATA)
