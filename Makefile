# Posthorn. `make` alone lists what there is.

GO       ?= go
BIN      := bin/posthorn
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
PACKAGES ?= ./...
SOURCES  := find . -name '.?*' -prune -o -name node_modules -prune -o -name '*.go' -print
# How long each fuzz test runs in `make fuzz` and `make verify`.
FUZZTIME ?= 20s
# What to hand to the demo, e.g. make demo ARGS=--once
ARGS     ?=

.DEFAULT_GOAL := help
.PHONY: help demo test build run setup setup-demo lint fmt fmt-check generate verify vuln bench torture fuzz clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-demo build ## a shop, a campaign and an inbox to look at; needs nothing else (ARGS=--once ends by itself)
	@$(BIN) demo $(ARGS)

test: setup lint ## everything that checks: build, vet, staticcheck, all tests with -race on real servers
	$(GO) build ./...
	$(GO) test -race -timeout 15m $(PACKAGES)

build: ## the program, as bin/posthorn
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/posthorn

run: build ## posthorn serve, with the POSTHORN_… variables of your environment
	$(BIN) serve

setup: ## install what is missing: PostgreSQL, Redis, a C compiler (for -race), Go modules
	@scripts/setup test

setup-demo:
	@scripts/setup demo

lint: fmt-check ## vet and staticcheck
	$(GO) vet ./...
	$(GO) tool -modfile=tools.mod staticcheck ./...

fmt: ## format the code
	gofmt -w $$($(SOURCES))

fmt-check:
	@files=$$(gofmt -l $$($(SOURCES))) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted (make fmt mends it):"; echo "$$files"; exit 1; fi

generate: ## what is generated and kept in the repository
	$(GO) generate ./...

verify: test fuzz ## test, then every fuzz test for FUZZTIME

fuzz: ## every fuzz test for FUZZTIME, one after the other
	@scripts/fuzz $(FUZZTIME)

vuln: ## known vulnerabilities in what we use (asks a database on the network)
	$(GO) tool -modfile=tools.mod govulncheck ./...

bench: setup ## mails per second, CPU per mail, peak memory
	$(GO) run ./cmd/bench $(ARGS)

torture: setup ## kill, flush and crash everything during campaigns; nothing may be lost or doubled (ARGS='--seed 7 --rounds 3')
	$(GO) run ./cmd/torture $(ARGS)

clean: ## remove what was built (the demo's data in .posthorn stays)
	rm -rf bin coverage.out
