# One target per task. CI runs the same targets (.ci/run).

# The build that `demo`, `demo-real`, `demo-other` and `mutants` run: debug (`make test`) or release (`make build`).
CONFIGURATION ?= debug
# The number of runs of the matrix by `mutants`, each with another seed.
SEEDS ?= 3
# The folder of the test cases from public reports, which are not part of the repository.
CASES ?= ../shared/cases
# The total duration of `fuzz`, in seconds, and the seed of its inputs; empty: another one in each run.
FUZZ_SECONDS ?= 60
FUZZ_SEED ?=
PREFIX ?= /usr/local
DESTDIR ?=

SWIFT ?= swift
# Swift's runtime is linked statically: a request takes a fifth less CPU time than with shared libraries, and the binary
# runs on machines without Swift (docs/decisions/0007). Cross-module optimisation inlines across the many small modules,
# and lld removes unused code and separates code from data that only the loader reads (0010). These flags need Linux.
# `-z now` lets the loader make the whole linkage table read-only. The prefix maps keep the folder of the build out of the
# binary and its debug symbols: another folder, the same binary.
RELEASE_FLAGS = $(if $(filter Linux,$(shell uname)),--static-swift-stdlib \
	-Xswiftc -cross-module-optimization -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic -Xlinker -z -Xlinker now) \
	-Xcc -ffile-prefix-map=$(CURDIR)=. -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=.
FLAGS = $(if $(filter release,$(CONFIGURATION)),$(RELEASE_FLAGS))
BINARY = .build/$(CONFIGURATION)/simpleai
BINDIR = $(DESTDIR)$(PREFIX)/bin
COMMANDS = test_wol test_model_routing test_workload_routing test_auth test_dialects get-token
SWIFT_PATHS = Package.swift Sources Tests Fuzz/Sources Benchmarks/Sources
PYTHON_SCRIPTS = $(shell grep -lE '^\#!/usr/bin/env python3' scripts/* bin/* 2>/dev/null) \
	$(wildcard scripts/*/*.py Tests/EndToEndTests/clients/*.py examples/*.py)
SHELL_SCRIPTS = .ci/run .githooks/pre-commit $(wildcard deploy/debian/p*) $(shell grep -lE '^\#!.*\b(ba)?sh$$' scripts/* bin/* 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup build test test-release lint format docs hooks demo demo-real cases demo-other mutants faults soak storm million chaos dependencies fuzz bench \
	benchmarks package test-packages release install uninstall clean binary

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## check for the required tools; as root, install missing ones
	@scripts/setup

build: setup ## build the release binary, .build/release/simpleai
	$(SWIFT) build -c release $(RELEASE_FLAGS) --product simpleai

test: setup ## run every test; tests of real engines and clients are skipped unless `scripts/setup --tests` was run
	@# One group after the other: tests that use every core for a minute would make tests with deadlines fail.
	$(SWIFT) test --disable-xctest --no-parallel --skip 'AcceptanceTests|IntegrationTests|EndToEndTests'
	$(SWIFT) test --disable-xctest --skip-build --filter AcceptanceTests
	$(SWIFT) test --disable-xctest --skip-build --no-parallel --filter IntegrationTests
	$(SWIFT) test --disable-xctest --skip-build --no-parallel --filter EndToEndTests

# Suites that a release build may fail because it has no locale data: settings, keys, tokens and commands.
RELEASE_SUITES = KeysCommandTests|LogFormatTests|ServeRefusalTests|TLSTests|HomeKeyTests|ProviderTokenTests|RunnerSettingsTests|FleetCommandTests|ExplainTests|CommandErrorTests|VersionTests
test-release: ## run the end-to-end tests of settings, keys, tokens and commands with the release binary (after `make test` and `make build`)
	SIMPLEAI_BINARY=.build/release/simpleai $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter 'EndToEndTests.($(RELEASE_SUITES))'

lint: ## check formatting, import rules of the targets, vocabulary, scripts
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_PATHS)
	scripts/check-walls
	scripts/test-check-walls
	scripts/check-dependencies
	scripts/test-check-dependencies
	scripts/test-packaging
	scripts/test-pre-commit
	@for script in $(SHELL_SCRIPTS); do bash -n $$script || exit 1; done
	@for script in $(PYTHON_SCRIPTS); do \
	  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' $$script || exit 1; done

docs: setup ## build the reference documentation of the targets with DocC, under .build/docs
	@$(SWIFT) build
	scripts/docs

hooks: ## check formatting and import rules before each commit (.githooks/pre-commit)
	git config core.hooksPath .githooks

format: ## format the Swift sources in place
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_PATHS)

binary: setup
	@$(SWIFT) build -c $(CONFIGURATION) $(FLAGS) --product simpleai

demo: binary ## start a fleet in one process, with one machine asleep, and run all tests against it
	$(BINARY) test all --local

demo-real: binary ## run the tests against two real llama.cpp servers with a small language model
	scripts/demo-real --binary $(BINARY)

cases: binary ## run the cases in CASES (public reports about engines, clients, machines, identity providers) against the binary
	scripts/setup-clients
	.venv-clients/cases/bin/python $(CASES)/run --binary $(BINARY)

demo-other: binary ## run the examples of docs/guides/testing-other-gateways.md against real gateways (needs nginx)
	scripts/demo-other --binary $(BINARY)

mutants: binary ## prove that the tests can fail: run them against deployments with one defect each
	@$(SWIFT) build -c $(CONFIGURATION) $(FLAGS) --product mutants
	scripts/mutants --build .build/$(CONFIGURATION) --seeds $(SEEDS)

faults: setup ## run the tests of faults that a proxy must survive, and print their figures as a table
	@$(SWIFT) build --build-tests
	@scripts/faults

soak: setup ## run 200 streams for a minute: memory, leases and file descriptors must return to their initial values
	@$(SWIFT) build --build-tests
	@SIMPLEAI_SOAK_SECONDS=60 scripts/faults $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter SoakFaultTests

storm: setup ## run ten thousand wake commands: descriptors, children and memory must return to their initial values
	@$(SWIFT) build --build-tests
	@SIMPLEAI_STORM_RUNS=10000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter WakeCommandStormTests

million: setup ## send a million random events to the scheduler, and check its invariants
	@$(SWIFT) build --build-tests
	@SIMPLEAI_RANDOM_EVENTS=1000000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter RandomEventsTests

chaos: setup ## run a hundred thousand exchanges with deviating engines, and compare them with a reference implementation
	@$(SWIFT) build --build-tests
	@SIMPLEAI_CHAOS=100000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter ChaosTests

dependencies: setup ## check with the compiler's own scan that every imported target is a declared dependency
	@$(SWIFT) build --explicit-target-dependency-import-check error

fuzz: setup ## send random input to every parser of untrusted input, for FUZZ_SECONDS (60), from FUZZ_SEED (random)
	@SIMPLEAI_TOOLS=1 $(SWIFT) build --product fuzz
	@.build/debug/fuzz --seconds $(FUZZ_SECONDS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED))

bench: build ## measure the cost of the gateway and of bare proxies (needs wrk and nginx; HAProxy and Envoy if installed)
	scripts/bench
	@echo "In-process benchmarks of the scheduler, the scanner, the relay and the token cache: make benchmarks"

benchmarks: setup ## run in-process benchmarks and check the ratios between them
	@SIMPLEAI_TOOLS=1 $(SWIFT) build -c release $(RELEASE_FLAGS) --product benchmarks
	@.build/release/benchmarks

# The flags without the folder of the build, for the provenance statement.
STATED_FLAGS = $(subst $(CURDIR),SOURCES,$(RELEASE_FLAGS))
package: build ## build the tarball, the Debian package, the image, the chart, SPDX, digests: .build/packages
	scripts/package --flags "$(STATED_FLAGS)"

test-packages: package ## install and run the packages: in a clean Debian (as root), as an image, as a chart
	scripts/test-packages --packages .build/packages --flags "$(STATED_FLAGS)"

release: ## build and test the packages of a tagged commit (docs/RELEASING.md)
	scripts/version --check-release
	$(MAKE) test-packages
	scripts/version --notes > .build/packages/RELEASE-NOTES.md
	@echo "Next: gpg --armor --detach-sign .build/packages/SHA256SUMS"

install: build ## install the release binary and its commands under PREFIX (/usr/local)
	install -d $(BINDIR)
	install -m 755 .build/release/simpleai $(BINDIR)/simpleai
	scripts/stamp-version $(BINDIR)/simpleai "$$(scripts/version)"
	@for command in $(COMMANDS); do ln -sfv simpleai $(BINDIR)/$$command; done

uninstall: ## remove what `make install` installed
	rm -f $(BINDIR)/simpleai $(addprefix $(BINDIR)/,$(COMMANDS))

clean: ## remove builds and virtual environments
	rm -rf .build .venv*
