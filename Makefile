# flowlearn: make help lists the targets.
SWIFT ?= swift
PREFIX ?= /usr/local
STORE ?= .build/demo.db
# One file without Swift's libraries, where the toolchain has them to link: it runs where Swift is not.
STATIC = $(wildcard $(dir $(realpath $(shell command -v $(SWIFT))))../lib/swift_static/linux)
RELEASE_FLAGS ?= $(if $(STATIC),--static-swift-stdlib)
BUILD_FLAGS ?= --explicit-target-dependency-import-check error
SOURCES = Sources Tests schema Package.swift Benchmarks/Sources Benchmarks/Package.swift
MANUAL = .build/plugins/GenerateManual/outputs/flowlearn

.DEFAULT_GOAL := help
.PHONY: help setup build release test lint format golden samples demo bench docs man install clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## install the system packages that are missing (libsqlite3-dev, zlib1g-dev, libzstd-dev)
	@.ci/setup

build: setup ## debug build
	$(SWIFT) build $(BUILD_FLAGS)

release: setup ## release build
	$(SWIFT) build -c release $(RELEASE_FLAGS) $(BUILD_FLAGS) --product flowlearn

test: setup ## build and run all tests
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	$(SWIFT) test --skip-build

lint: ## check the format of all Swift files
	$(SWIFT) format lint --strict -r -p $(SOURCES)

format: ## format all Swift files
	$(SWIFT) format format -i -r -p $(SOURCES)

golden: setup ## rewrite the golden files; review the diff
	UPDATE_GOLDEN=1 $(SWIFT) test

samples: setup ## rewrite sample-flows
	$(SWIFT) run SampleFlowGenerator sample-flows

demo: release ## ingest sample-flows, print the proposal for app-prod and the rollout status
	@FLOWLEARN=.build/release/flowlearn STORE=$(STORE) .ci/demo

bench: setup ## measure speed; compares with DuckDB where Python is there
	@cd Benchmarks && ./run

docs: build ## rewrite docs/cli.md
	.build/debug/flowlearn --experimental-dump-help > .build/help.json
	.build/debug/CLIReference < .build/help.json > .build/cli.md
	@mv .build/cli.md docs/cli.md

man: setup ## write the manual pages to .build/man
	$(SWIFT) package generate-manual --configuration debug --multi-page
	@rm -rf .build/man && cp -R $(MANUAL) .build/man

install: release ## install flowlearn, kubectl-flowlearn and shell completions under PREFIX
	install -d "$(PREFIX)/bin" "$(PREFIX)/share/bash-completion/completions" \
	  "$(PREFIX)/share/zsh/site-functions" "$(PREFIX)/share/fish/vendor_completions.d"
	install -m 755 .build/release/flowlearn "$(PREFIX)/bin/flowlearn"
	ln -sf flowlearn "$(PREFIX)/bin/kubectl-flowlearn"
	"$(PREFIX)/bin/flowlearn" --generate-completion-script bash > "$(PREFIX)/share/bash-completion/completions/flowlearn"
	"$(PREFIX)/bin/flowlearn" --generate-completion-script zsh > "$(PREFIX)/share/zsh/site-functions/_flowlearn"
	"$(PREFIX)/bin/flowlearn" --generate-completion-script fish > "$(PREFIX)/share/fish/vendor_completions.d/flowlearn.fish"

clean: ## remove what was built
	rm -rf .build Benchmarks/.build
