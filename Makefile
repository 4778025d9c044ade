# Every target that a person or continuous integration needs. `make help` lists
# them. The work is done by scripts/, which say at their top what they take.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LISTEN ?= 127.0.0.1:8420
DATA ?= ./bonded-data

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/bonded, static
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/bonded ./cmd/bonded

.PHONY: run
run: build ## Build, and serve ./bonded-data on 127.0.0.1:8420
	bin/bonded serve --data $(DATA) --listen $(LISTEN)

.PHONY: test
test: ## Install what the tests drive, and run all of them
	@scripts/test

.PHONY: check
check: ## The fast part of test: formatting, static analysis, short tests
	@scripts/test check

.PHONY: e2e
e2e: ## Only the scripts with real clients
	@scripts/test e2e

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@scripts/fuzz

.PHONY: bench
bench: ## Measure bonded beside nginx and Verdaccio
	@scripts/bench

.PHONY: guide
guide: build ## Print the guide into guide-site/, and list what is stale in it
	bin/bonded guide --out guide-site

.PHONY: cover
cover: ## Write coverage/index.html and print the figures
	@scripts/cover

.PHONY: clean
clean: ## Remove what was built and installed here; bonded-data stays
	rm -rf bin coverage guide-site .tools
