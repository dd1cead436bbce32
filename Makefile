# Ringside: `make help` lists what there is to do.
#
# Commands are found by themselves: every folder of tools/ that has a main.go.

GO       ?= go
ARCH     ?= $(shell $(GO) env GOARCH)
PREFIX   ?= /usr/local
KERNEL   ?= 5.10,6.1,6.12,newest,arm64-6.12
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMANDS := $(patsubst tools/%/main.go,%,$(wildcard tools/*/main.go))
BIN      := bin/$(ARCH)
# Packages whose kernel tests run on this machine only.
HERE     := $(patsubst %/testdata/kernels,./%,$(shell grep -l '^here' tools/*/*/testdata/kernels))

export CGO_ENABLED = 0
# Without the library's Markdown and man converters, which nothing here uses.
TAGS    := urfave_cli_no_docs
LDFLAGS := -s -w -X github.com/ringside-tools/ringside/internal/command.Version=$(VERSION)

.PHONY: help build bcc generate docs test test-unit test-objects test-docs test-tutorial test-here test-kernel fuzz demo bench bench-here bench-vm bench-check detection walk guard-cost lint install clean setup setup-here setup-vm

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build every command, static, into bin/ARCH (ARCH=arm64 for another)
	@mkdir -p $(BIN)
	@for c in $(COMMANDS); do echo "build $(BIN)/$$c"; \
	  GOARCH=$(ARCH) $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/$$c ./tools/$$c || exit 1; done

bcc: ## build argdist with libbcc as a second back end (--backend bcc), into bin/ARCH/argdist-bcc
	@scripts/setup cc:gcc /usr/include/bcc/libbpf.h:libbpfcc-dev
	CGO_ENABLED=1 $(GO) build -trimpath -tags '$(TAGS) bcc' -ldflags '$(LDFLAGS)' -o $(BIN)/argdist-bcc ./tools/argdist

generate: setup ## rebuild the BPF objects, the schemas and the generated documents
	$(GO) generate ./...
	$(MAKE) --no-print-directory docs

docs: build ## rewrite the generated documents
	@scripts/generate $(BIN) .

test: setup setup-vm setup-here ## everything: unit, objects, documents, this kernel, the kernel matrix
	$(MAKE) --no-print-directory test-unit test-objects test-docs test-tutorial
	$(MAKE) --no-print-directory -j2 test-here test-kernel # most tests here wait; what is emulated lets them go first

test-unit: ## tests that need nothing but Go
	$(GO) vet ./... && $(GO) vet -tags kernel ./...
	@for c in $(COMMANDS); do : cgo keeps a process from dropping capabilities, so a plain go build must do without; \
	  ! CGO_ENABLED=1 $(GO) list -deps ./tools/$$c | grep -qx runtime/cgo || { echo "tools/$$c: a package of it takes cgo" >&2; exit 1; }; done
	$(GO) test ./...

test-objects: setup ## the committed BPF objects are what clang-19 makes of the source
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	cp -r go.mod go.sum internal tools "$$tmp" && (cd "$$tmp" && $(GO) generate ./...) && \
	for f in tools/*/bpf_* tools/*/*/bpf_*; do cmp "$$f" "$$tmp/$$f" || exit 1; done && \
	echo "objects: $$(ls tools/*/bpf_*.o tools/*/*/bpf_*.o | wc -l) are identical to a rebuild"

test-docs: build ## the generated documents are up to date, and man pages have every flag
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && mkdir "$$tmp/docs" && \
	scripts/generate $(BIN) "$$tmp" && (cd "$$tmp" && find . -type f) | while read -r f; do \
	cmp "$$f" "$$tmp/$$f" || { echo "run: make docs" >&2; exit 1; }; done && scripts/check-docs $(BIN) && echo "docs: up to date"

test-tutorial: setup ## the worked example of CONTRIBUTING.md compiles, and passes its own tests
	@scripts/check-tutorial

test-here: build setup-here ## kernel tests on the kernel of this machine; needs root
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && chmod 755 "$$tmp" && : other users must reach the binaries && \
	for c in $(COMMANDS); do \
	  cp $(BIN)/$$c "$$tmp" || exit 1; \
	  if [ -d tools/$$c/workload ]; then \
	    $(GO) build -o "$$tmp/$$c-workload" ./tools/$$c/workload && \
	    GOARCH=$$([ $(ARCH) = arm64 ] && echo arm || echo 386) $(GO) build -o "$$tmp/$$c-workload32" ./tools/$$c/workload || exit 1; fi; \
	  PATH="$$tmp:$$PATH" $(GO) test -count 1 -tags kernel ./tools/$$c || { echo "flaky, if it passes now: $$c" >&2; \
	  PATH="$$tmp:$$PATH" $(GO) test -count 1 -tags kernel ./tools/$$c; } || exit 1; done
	$(GO) test -count 1 -tags kernel $(HERE)

test-kernel: setup-vm ## kernel tests on stock kernels in virtual machines (KERNEL=6.1,newest; FULL=1: all tests on all of them)
	nice $(GO) run ./internal/vm/vmrun test -again $(if $(FULL),-full) -kernels $(KERNEL)

fuzz: ## every fuzz target for FUZZTIME (30s) each
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(FUZZTIME),30s) $$p || exit 1; done; done

demo: build ## every command on real activity: here, or in a virtual machine where this kernel cannot
	@for c in $(COMMANDS); do [ ! -f tools/$$c/demo.sh ] || scripts/demo $(BIN) $$c || exit 1; done

walk: build setup-vm ## write docs/guard-ssh.md anew, from a run in a virtual machine
	@scripts/walk $(BIN)

guard-cost: setup-vm ## write docs/guard-cost.md anew, from a run in a virtual machine
	@scripts/guard-cost

bench: bench-here bench-vm ## side-by-side measurements with the peers, here and in a virtual machine; writes docs/benchmarks.md

bench-here: setup ## those on this kernel
	$(GO) run ./bench

bench-check: setup ## fail if a figure that holds on a busy machine got worse than docs/benchmarks.md has it (KERNEL=6.12: in a virtual machine)
	$(GO) run ./bench -check $(if $(filter command line,$(origin KERNEL)),-vm $(KERNEL))

detection: setup-vm ## what filesnoop finds among workloads in a virtual machine; writes docs/detection.md
	$(GO) run ./bench/detection

bench-vm: setup-vm ## those on a stock kernel in a virtual machine (KERNEL=6.12), where all peers run
	$(GO) run ./bench -vm $(if $(filter command line,$(origin KERNEL)),$(KERNEL),6.12)

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./... && $(GO) vet -tags kernel ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

install: build ## install commands, man pages and completions below PREFIX (and DESTDIR)
	@for c in $(COMMANDS); do \
	  install -D -m 755 $(BIN)/$$c $(DESTDIR)$(PREFIX)/sbin/$$c && \
	  install -D -m 644 tools/$$c/$$c.8 $(DESTDIR)$(PREFIX)/share/man/man8/$$c.8 && \
	  $(BIN)/$$c --describe completion-bash | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$c && \
	  $(BIN)/$$c --describe completion-zsh | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$c && \
	  $(BIN)/$$c --describe completion-fish | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$c.fish || exit 1; done

clean: ## remove what was built here; downloads stay in ~/.cache/ringside
	rm -rf bin

# What the targets need, by command and Debian package.
setup:
	@scripts/setup clang-19:clang-19 llvm-strip-19:llvm-19 /usr/include/bpf/bpf_helpers.h:libbpf-dev

# Programs that people profile, and so the tests do.
setup-here:
	@scripts/setup ping:iputils-ping tcpdump:tcpdump tshark:tshark nginx:nginx-light node:nodejs openssl:openssl curl:curl wget:wget psql:postgresql-client python3:python3 tstclnt:libnss3-tools bssl-tool:android-boringssl \
		/usr/bin/cargo:cargo /usr/share/cargo/registry/rustls-0.20.8:librust-rustls-dev /usr/share/cargo/registry/rustls-pemfile-1.0.0:librust-rustls-pemfile-dev

setup-vm:
	@scripts/setup qemu-system-x86_64:qemu-system-x86 qemu-system-aarch64:qemu-system-arm \
	  xz:xz-utils mke2fs:e2fsprogs /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
