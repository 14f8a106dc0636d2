# voxparse: `make help` lists what there is to make.

SHELL    := /bin/bash
PREFIX   ?= $(HOME)/.local
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN      := bin
GO       ?= go
LDFLAGS  := -s -w -X main.version=$(VERSION)
SHERPA   := github.com/k2-fsa/sherpa-onnx-go-linux
TRIPLE   := $(if $(filter aarch64,$(shell uname -m)),aarch64-unknown-linux-gnu,x86_64-unknown-linux-gnu)
RECEIVERS := testdata/receivers/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help build install uninstall demo test check race fmt vet staticcheck bench soak completions receivers tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/voxparse, bin/voxparse-engine and its two libraries
	@mkdir -p $(BIN)/lib
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/voxparse ./cmd/voxparse
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS) -extldflags "-Wl,-rpath,$$ORIGIN/lib"' -o $(BIN)/voxparse-engine ./cmd/voxparse-engine
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

tools: ## install what the tests call besides Go, gcc and npm, where apt-get can
	@missing=; for tool in python3 curl openssl; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || { apt-get update -q && apt-get install -q -y --no-install-recommends $$missing; } || \
	{ echo "install these first, the tests call them:$$missing" >&2; exit 1; }

receivers: $(RECEIVERS) ## install the libraries of the test receivers

$(RECEIVERS): testdata/receivers/package-lock.json
	cd testdata/receivers && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test: build receivers tools ## every test, on the real recogniser and real receivers
	$(GO) test -timeout 20m ./...

check: fmt vet staticcheck race ## formatting, vet, staticcheck, race detector, fresh completions

fmt:
	@out=$$(gofmt -l . | grep -v node_modules || true); if [ -n "$$out" ]; then echo "gofmt these: $$out"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

race: build receivers tools
	$(GO) test -race -short -timeout 20m ./...

completions: build ## make the completion scripts again
	$(BIN)/voxparse completion bash > completions/voxparse.bash
	$(BIN)/voxparse completion zsh > completions/_voxparse
	$(BIN)/voxparse completion fish > completions/voxparse.fish
	$(BIN)/voxparse completion powershell > completions/voxparse.ps1

bench: build receivers ## the figures of the README, again (see testdata/bench.sh)
	@testdata/bench.sh

soak: build ## kill -9 the daemon under load for SOAK=60s, and account for every event
	SOAK=$${SOAK:-60s} $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./daemon

clean: ## remove what build made
	rm -rf $(BIN) testdata/receivers/node_modules
