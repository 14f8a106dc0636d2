# voxparse: `make help` lists what there is to make.

SHELL    := /bin/bash
PREFIX   ?= $(HOME)/.local
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN      := bin
GO       ?= go
comma    := ,
LDFLAGS  := -s -w -X main.version=$(VERSION)
SHERPA   := github.com/k2-fsa/sherpa-onnx-go-linux
TRIPLE   := $(if $(filter aarch64,$(shell uname -m)),aarch64-unknown-linux-gnu,x86_64-unknown-linux-gnu)
RECEIVERS := testdata/receivers/node_modules/.package-lock.json
GOFILES   = $(shell git ls-files '*.go')
LINTER   := .cache/tools/golangci-lint
COVER    := .cache/cover
MIN_COVER ?= 85
CROSS    := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

.DEFAULT_GOAL := help
.PHONY: help cli build install uninstall demo tools receivers test short cover check fmt fmt-check vet lint tidy-check cross completions bench accuracy soak damage clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

cli: ## build bin/voxparse alone, which needs no C compiler
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/voxparse ./cmd/voxparse

build: cli ## build bin/voxparse, bin/voxparse-engine and its two libraries
	@mkdir -p $(BIN)/lib
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS) -extld "$(CURDIR)/tools/link.sh"' -o $(BIN)/voxparse-engine ./cmd/voxparse-engine
	@dir=$$($(GO) list -m -f '{{.Dir}}' $(SHERPA))/lib/$(TRIPLE) && install -m 0644 $$dir/libonnxruntime.so $$dir/libsherpa-onnx-c-api.so $(BIN)/lib/

install: build ## install below PREFIX (~/.local), with completions, and warm the decoder
	@install -d $(PREFIX)/bin $(PREFIX)/lib/voxparse/lib $(PREFIX)/share/bash-completion/completions $(PREFIX)/share/zsh/site-functions $(PREFIX)/share/fish/vendor_completions.d
	install -m 0755 $(BIN)/voxparse $(BIN)/voxparse-engine $(PREFIX)/lib/voxparse/
	install -m 0644 $(BIN)/lib/*.so $(PREFIX)/lib/voxparse/lib/
	ln -sfn ../lib/voxparse/voxparse $(PREFIX)/bin/voxparse
	install -m 0644 completions/voxparse.bash $(PREFIX)/share/bash-completion/completions/voxparse
	install -m 0644 completions/_voxparse $(PREFIX)/share/zsh/site-functions/_voxparse
	install -m 0644 completions/voxparse.fish $(PREFIX)/share/fish/vendor_completions.d/voxparse.fish
	$(PREFIX)/lib/voxparse/voxparse-engine warm

uninstall: ## remove what install put there (data and settings stay)
	rm -rf $(PREFIX)/lib/voxparse $(PREFIX)/bin/voxparse $(PREFIX)/share/bash-completion/completions/voxparse $(PREFIX)/share/zsh/site-functions/_voxparse $(PREFIX)/share/fish/vendor_completions.d/voxparse.fish

demo: build receivers ## the whole journey on a real recording, in a temporary home
	@testdata/demo.sh $(BIN)

tools: ## install what the tests call besides Go, gcc and npm (Debian, as root), or name it
	@missing=; for tool in node npm python3 curl openssl ffmpeg; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -n "$$missing" ] || exit 0; \
	apt=; for tool in $$missing; do case $$tool in node) apt="$$apt nodejs";; *) apt="$$apt $$tool";; esac; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "the tests call$$missing, which this machine lacks: installing the Debian packages$$apt"; \
		apt-get update -q && apt-get install -q -y --no-install-recommends $$apt; \
	else \
		echo "the tests call$$missing, which this machine lacks: install that first (on Debian: apt-get install$$apt)" >&2; exit 1; \
	fi

receivers: $(RECEIVERS) ## install the libraries of the test receivers

$(RECEIVERS): testdata/receivers/package-lock.json
	cd testdata/receivers && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Every test runs once, with the race detector but for WHOLE: those packages run
# whole programs, native code and timings, in which the detector sees little
# and costs much; the parts of the programs have it in their own tests. Each
# leaves what it covered in COVER. A package is covered by its own tests; those
# of a backend and its suite count for all of store, those of the sender for all
# of sending, and those of whole programs also for DAEMON, the parts of the daemon
# that are little without it. (Counting everything for everything builds the whole tree
# anew for each package.) The keyring of the machine is left alone.
GOTEST     = VOXPARSE_NO_KEYRING=1 $(GO) test -timeout 30m -cover -covermode=atomic
GOTEST_END = -args -test.gocoverdir=$(abspath $(COVER))
WHOLE     := /(daemon|cmd/voxparse|cmd/voxparse-engine|internal/engine|internal/moonshine)$$
DAEMON    := ./daemon/datadir,./daemon/housekeeping,./daemon/systemd
TOGETHER  := /(store|store/[a-z]+|webhook|internal/(sender|eventbody|webhooktest))$$

test: build receivers tools ## every test, once: real recognizer, real receivers, race detector
	@rm -rf $(COVER) && mkdir -p $(COVER)
	@set -x; failed=0; \
	$(GOTEST) -race $$($(GO) list ./... | grep -vE '$(TOGETHER)|$(WHOLE)') $(GOTEST_END) || failed=1; \
	$(GOTEST) -race -coverpkg=./store/... ./store/... $(GOTEST_END) || failed=1; \
	$(GOTEST) -race -coverpkg=./webhook,./internal/sender,./internal/eventbody ./webhook ./internal/sender ./internal/eventbody ./internal/webhooktest $(GOTEST_END) || failed=1; \
	whole=$$($(GO) list ./... | grep -E '$(WHOLE)'); \
	$(GOTEST) -coverpkg=$(DAEMON),$$(echo $$whole | tr ' ' ,) $$whole $(GOTEST_END) || failed=1; \
	exit $$failed

short: ## the tests that need no network, npm, node or python
	VOXPARSE_NO_KEYRING=1 $(GO) test -short -timeout 10m ./...

cover: ## statements covered by the last `make test`, by package; fails below MIN_COVER
	@[ -d $(COVER) ] || { echo "there is nothing to report yet; run first: make test" >&2; exit 1; }
	@$(GO) tool covdata textfmt -i=$(COVER) -o $(COVER).txt
	@awk -v min=$(MIN_COVER) -v skip='/cmd/|test$$' ' \
		/^mode:/ { next } \
		{ p = $$1; sub(/\/[^\/]*$$/, "", p); if (!($$1 in n)) { n[$$1] = $$2; all[p] += $$2 }; if ($$3 && !($$1 in hit)) { hit[$$1]; got[p] += $$2 } } \
		END { for (p in all) { r = 100 * got[p] / all[p]; out = p ~ skip; low = !out && r < min; bad += low; packages++; \
				printf "%6.1f %%  %s%s\n", r, p, low ? "  below " min " %" : out ? "  (a main package, or part of tests: not counted)" : "" | "sort -k3" } \
			close("sort -k3"); if (!packages) { print "no package was covered"; exit 1 }; if (bad) { print bad " below " min " %"; exit 1 } }' $(COVER).txt

check: fmt-check vet lint tidy-check ## what a change must pass besides the tests

fmt: ## format the Go files
	gofmt -w $(GOFILES)

fmt-check: ## fail where a Go file is not formatted
	@out=$$(gofmt -l $(GOFILES)); if [ -n "$$out" ]; then echo "not formatted, run make fmt:"; echo "$$out"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: $(LINTER) ## golangci-lint, as .golangci.yml has it
	$(LINTER) run ./...

# The linter is a module of its own in tools/, so that its dependencies are not
# the program's. It is built once for each version.
$(LINTER): tools/go.mod tools/go.sum
	@mkdir -p $(@D)
	$(GO) build -modfile=tools/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

tidy-check: ## fail where go.mod or go.sum is not what go mod tidy makes
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

cross: ## build the command line for the systems that it is built for
	@for target in $(CROSS); do echo "$$target"; GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/voxparse || exit 1; done

completions: build ## make the completion scripts again
	$(BIN)/voxparse completion bash > completions/voxparse.bash
	$(BIN)/voxparse completion zsh > completions/_voxparse
	$(BIN)/voxparse completion fish > completions/voxparse.fish
	$(BIN)/voxparse completion powershell > completions/voxparse.ps1

bench: build receivers ## the figures of docs/reference/performance.md, again (see testdata/bench.sh)
	@testdata/bench.sh

accuracy: build ## word errors, word times and confidence of each model, clean and degraded (OLD=program compares; Debian: ffmpeg, asterisk-core-sounds-en{,-g722})
	@command -v ffmpeg >/dev/null || { echo "make accuracy calls ffmpeg, which this machine lacks: install that first (on Debian: apt-get install ffmpeg asterisk-core-sounds-en asterisk-core-sounds-en-g722)" >&2; exit 1; }
	$(GO) run ./testdata/accuracy -engine $(if $(OLD),$(OLD)$(comma))$(BIN)/voxparse-engine $(ARGS)

soak: build ## kill -9 the daemon under load for SOAK=60s, and account for every event
	SOAK=$${SOAK:-60s} $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./daemon

damage: ## damage IMAGES=3000 databases, and open, list and repair each
	VOXPARSE_DAMAGE_IMAGES=$${IMAGES:-3000} $(GO) test -count=1 -timeout 0 -v -run '^TestImages' ./store/boltstore

clean: ## remove what build made
	rm -rf $(BIN) .cache testdata/receivers/node_modules
