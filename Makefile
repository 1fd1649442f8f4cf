# One target per task. CI runs the same targets (.ci/run).

# The build that `demo`, `demo-real`, `demo-other` and `mutants` run: debug (`make test`) or release (`make build`).
CONFIGURATION ?= debug
# How many times `mutants` runs the matrix, each time with another seed.
SEEDS ?= 3
# The folder of the cases from the field, which are not part of the repository.
CASES ?= ../shared/cases
# The total duration of `fuzz`, in seconds.
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
DESTDIR ?=

SWIFT ?= swift
# Swift's runtime is linked statically: a request takes a fifth less CPU time than with shared libraries, and the binary
# runs on machines without Swift (docs/decisions/0007). Cross-module optimisation inlines across the many small modules,
# and lld removes unused code and separates code from data that only the loader reads (0010). These flags need Linux.
RELEASE_FLAGS = $(if $(filter Linux,$(shell uname)),--static-swift-stdlib \
	-Xswiftc -cross-module-optimization -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic)
FLAGS = $(if $(filter release,$(CONFIGURATION)),$(RELEASE_FLAGS))
BINARY = .build/$(CONFIGURATION)/simpleai
BINDIR = $(DESTDIR)$(PREFIX)/bin
COMMANDS = test_wol test_model_routing test_workload_routing test_auth get-token
SWIFT_PATHS = Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources Benchmarks/Package.swift Benchmarks/Sources
PYTHON_SCRIPTS = $(shell grep -lE '^\#!/usr/bin/env python3' scripts/* bin/* 2>/dev/null) \
	$(wildcard scripts/*/*.py Tests/EndToEndTests/clients/*.py examples/*.py)
SHELL_SCRIPTS = .ci/run .githooks/pre-commit $(shell grep -lE '^\#!.*\b(ba)?sh$$' scripts/* bin/* 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup build test test-release lint format docs hooks demo demo-real cases demo-other mutants faults soak storm million chaos fuzz bench \
	benchmarks install uninstall clean binary

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## check that the machine has what is needed; as root, install what is missing
	@scripts/setup

build: setup ## the release binary, .build/release/simpleai
	$(SWIFT) build -c release $(RELEASE_FLAGS) --product simpleai

test: setup ## every test; what needs the real engine or real clients is skipped unless `scripts/setup --tests` was run
	@# One at a time: beside tests that use every core for a minute, deadlines pass although the code is correct.
	$(SWIFT) test --disable-xctest --no-parallel --skip 'AcceptanceTests|IntegrationTests|EndToEndTests'
	$(SWIFT) test --disable-xctest --skip-build --filter AcceptanceTests
	$(SWIFT) test --disable-xctest --skip-build --no-parallel --filter IntegrationTests
	$(SWIFT) test --disable-xctest --skip-build --no-parallel --filter EndToEndTests

# What runs otherwise in a release build: settings, keys, tokens and commands, without locale data.
RELEASE_SUITES = KeysCommandTests|LogFormatTests|ServeRefusalTests|TLSTests|HomeKeyTests|ProviderTokenTests|RunnerSettingsTests|FleetCommandTests|ExplainTests|ComplaintTests|VersionTests
test-release: ## the end-to-end tests of settings, keys, tokens and commands, with the release binary (after `make test` and `make build`)
	SIMPLEAI_BINARY=.build/release/simpleai $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter 'EndToEndTests.($(RELEASE_SUITES))'

lint: ## formatting, import rules of the targets, scripts
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_PATHS)
	scripts/check-walls
	scripts/test-check-walls
	scripts/test-pre-commit
	@for script in $(SHELL_SCRIPTS); do bash -n $$script || exit 1; done
	@for script in $(PYTHON_SCRIPTS); do \
	  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' $$script || exit 1; done

docs: setup ## reference documentation of the targets that others read, by DocC, under .build/docs
	@$(SWIFT) build
	scripts/docs

hooks: ## check formatting and import rules before each commit (.githooks/pre-commit)
	git config core.hooksPath .githooks

format: ## format the Swift sources in place
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_PATHS)

binary: setup
	@$(SWIFT) build -c $(CONFIGURATION) $(FLAGS) --product simpleai

demo: binary ## start a fleet in one process, one machine of it asleep, and run all four tests against it
	$(BINARY) test all --local

demo-real: binary ## the tests against two real llama.cpp servers with a small language model
	scripts/demo-real --binary $(BINARY)

cases: binary ## public reports about engines, clients, machines and identity providers, tried on the binary (in CASES)
	scripts/setup-clients
	.venv-clients/cases/bin/python $(CASES)/run --binary $(BINARY)

demo-other: binary ## the examples of the guide to other gateways, against real ones (needs nginx)
	scripts/demo-other --binary $(BINARY)

mutants: setup ## prove that the tests can fail: run them against deployments with one defect each
	@$(SWIFT) build -c $(CONFIGURATION) $(FLAGS) --product simpleai
	@$(SWIFT) build -c $(CONFIGURATION) $(FLAGS) --product mutants
	scripts/mutants --build .build/$(CONFIGURATION) --seeds $(SEEDS)

faults: setup ## the faults a proxy must survive, as one table with figures
	@$(SWIFT) build --build-tests
	@scripts/faults

soak: setup ## 200 streams for a minute: memory, leases and file descriptors return to their initial values
	@$(SWIFT) build --build-tests
	@SIMPLEAI_SOAK_SECONDS=60 scripts/faults $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter SoakFaultTests

storm: setup ## ten thousand runs of wake commands: descriptors, children and memory return to their initial values
	@$(SWIFT) build --build-tests
	@SIMPLEAI_STORM_RUNS=10000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter WakeCommandStormTests

million: setup ## a million random events of the scheduler, under all that must hold
	@$(SWIFT) build --build-tests
	@SIMPLEAI_RANDOM_EVENTS=1000000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter RandomEventsTests

chaos: setup ## a hundred thousand exchanges with engines of every oddity, against a reference reading of the contract
	@$(SWIFT) build --build-tests
	@SIMPLEAI_CHAOS=100000 $(SWIFT) test --disable-xctest --skip-build --no-parallel --filter ChaosTests

fuzz: setup ## random input for every parser of untrusted input, for FUZZ_SECONDS (60)
	@$(SWIFT) build --package-path Fuzz
	@cd Fuzz && .build/debug/fuzz --seconds $(FUZZ_SECONDS)

bench: build ## what the gateway costs, next to bare proxies (needs wrk and nginx; HAProxy and Envoy where they are installed)
	scripts/bench
	@echo "In-process benchmarks of the scheduler, the scanner, the relay and the token cache: make benchmarks"

benchmarks: setup ## in-process benchmarks, held to ratios between them (a package of its own, Benchmarks/)
	$(SWIFT) run --package-path Benchmarks -c release benchmarks

install: build ## install the release binary and its commands under PREFIX (/usr/local)
	install -d $(BINDIR)
	install -m 755 .build/release/simpleai $(BINDIR)/simpleai
	@for command in $(COMMANDS); do ln -sfv simpleai $(BINDIR)/$$command; done

uninstall: ## take away what `make install` put there
	rm -f $(BINDIR)/simpleai $(addprefix $(BINDIR)/,$(COMMANDS))

clean: ## remove everything that was built or set up
	rm -rf .build Benchmarks/.build Fuzz/.build .venv*
