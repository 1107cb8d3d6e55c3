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

# Node that scripts/setup had to bring along.
export PATH := $(CURDIR)/.tools/node_modules/node/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help ui ui-check e2e api demo test build run setup setup-demo lint fmt fmt-check generate verify vuln bench torture fuzz clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-demo build ## a shop, a campaign and an inbox to look at; needs nothing else (ARGS=--once ends by itself)
	@$(BIN) demo $(ARGS)

test: setup lint ui-check ## everything that checks: build, vet, staticcheck, all tests with -race on real servers, the web app in a browser
	$(GO) build ./...
	$(GO) test -race -timeout 15m $(PACKAGES)
	$(MAKE) e2e

build: ui ## the program with the web app in it, as bin/posthorn
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/posthorn

ui: web/ui/dist/index.html ## the web app, as web/ui/dist

# Without Node the program is built all the same: a page says what is missing.
web/ui/dist/index.html: web/ui/node_modules/.package-lock.json $(shell find web/ui/src web/ui/public web/ui/index.html web/ui/vite.config.ts -type f)
	@if command -v npm >/dev/null; then cd web/ui && npm run --silent build -- --logLevel warn; else echo "no Node: building without the web app"; fi

web/ui/node_modules/.package-lock.json: web/ui/package-lock.json
	@if command -v npm >/dev/null; then cd web/ui && npm ci --no-audit --no-fund --loglevel error && touch node_modules/.package-lock.json; fi

ui-check: ui ## format, types, lint and tests of the web app, and how much its first screen loads
	cd web/ui && npm run --silent check && npm run --silent size

e2e: build ## the web app as people use it: a browser against the demo (PICTURES=folder keeps a picture of each page)
	node --test --test-concurrency=1 --test-reporter=spec web/ui/e2e/*.test.mjs

api: web/ui/node_modules/.package-lock.json ## the types of the API, for the web app (web/ui/src/api/schema.d.ts)
	cd web/ui && npm run --silent api

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
	@if command -v npm >/dev/null; then cd web/ui && npm run --silent format; fi

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
