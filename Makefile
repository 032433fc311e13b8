# flowlearn: make help lists the targets.
SWIFT ?= swift
PREFIX ?= /usr/local
STORE ?= .build/demo.db
BUILD_FLAGS ?= --explicit-target-dependency-import-check error

.DEFAULT_GOAL := help
.PHONY: help setup build release test lint format golden samples demo bench docs man completions install clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## install the system packages that are missing (libsqlite3-dev, zlib1g-dev, libzstd-dev)
	@.ci/setup

build: setup ## debug build
	$(SWIFT) build $(BUILD_FLAGS)

release: setup ## release build
	$(SWIFT) build -c release $(BUILD_FLAGS) --product flowlearn

test: setup ## build and run all tests
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	$(SWIFT) test --skip-build

lint: ## check the format of all Swift files
	$(SWIFT) format lint --strict -r -p Sources Tests schema Package.swift Benchmarks/Sources Benchmarks/Package.swift

format: ## format all Swift files
	$(SWIFT) format format -i -r -p Sources Tests schema Package.swift Benchmarks/Sources Benchmarks/Package.swift

golden: setup ## rewrite the golden files; review the diff
	UPDATE_GOLDEN=1 $(SWIFT) test

samples: setup ## rewrite sample-flows
	$(SWIFT) run SampleFlowGenerator sample-flows

demo: release ## ingest sample-flows, print the proposal for app-prod and the rollout status
	@FLOWLEARN=.build/release/flowlearn STORE=$(STORE) .ci/demo

bench: setup ## measure speed; compares with DuckDB where Python is there
	@cd Benchmarks && ./run

docs: build ## rewrite docs/cli.md
	$(SWIFT) run flowlearn --experimental-dump-help | $(SWIFT) run CLIReference > docs/cli.md.new
	@mv docs/cli.md.new docs/cli.md

man: ## write the manual pages
	$(SWIFT) package --allow-writing-to-package-directory generate-manual

completions: release ## write shell completions to .build/completions
	@mkdir -p .build/completions
	@for s in bash zsh fish; do .build/release/flowlearn --generate-completion-script $$s > .build/completions/flowlearn.$$s; done

install: release ## install flowlearn and kubectl-flowlearn under PREFIX
	install -d "$(PREFIX)/bin"
	install -m 755 .build/release/flowlearn "$(PREFIX)/bin/flowlearn"
	ln -sf flowlearn "$(PREFIX)/bin/kubectl-flowlearn"

clean: ## remove what was built
	rm -rf .build
