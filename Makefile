# Parley. `make` lists the targets. They need Python 3.11 or newer with venv, and make; no Docker, no database.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Test processes: one a core, each with a PostgreSQL of its own.
JOBS ?= logical
MAX_JOBS ?= 8
# One process, and no end to a test that takes long: for what runs on demand.
ALONE := -n 0 -o faulthandler_timeout=0
# How long `make soak` lasts under faults, in seconds.
SECONDS ?= 1200
# The largest ledger that `make bench-asof` and `make bench-feed` fill.
EVENTS ?= 100000

# Where `make wheel` puts what it builds.
DIST ?= dist
# Where `make test-compiled` has the compiled wheel, a .venv with it, and the tests.
COMPILED := build/compiled

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# What lints the OpenAPI document and makes the TypeScript client.
NODE := openapi/clients/node_modules/.installed
# What makes the Python client, and attacks the service by the document.
TOOLS := $(VENV)/.clients-installed

export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help install run dev test check structure format sdk sdk-python sdk-typescript clients clients-others conformance screens \
	lint-openapi attack failover soak fuzz bench bench-asof bench-feed bench-rebuild bench-sizes bench-watches oracle wheel lock clean wheel-compiled test-compiled

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(RUNTIME) ## Make .venv with the command parley in it

run: install ## Install, migrate, load the London set, serve
	@$(BIN)/parley migrate
	@$(BIN)/parley seed
	@exec $(BIN)/parley serve

dev: $(DEV) ## Make .venv with all that tests and checks need

test: dev ## Run all tests, on SQLite and on PostgreSQL
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses $(MAX_JOBS) --dist worksteal $(ARGS)

check: dev ## Run every static check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive service migrations
	$(BIN)/parley openapi --check
	$(BIN)/python -m tests.structure

structure: dev ## Print the figures of the structure, with where they come from
	$(BIN)/python -m tests.structure --all

format: dev ## Sort, fix and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sdk: sdk-python sdk-typescript ## Make the Python and the TypeScript client in openapi/clients/ from the OpenAPI document

sdk-python: $(TOOLS)
	@PATH="$(abspath $(BIN)):$$PATH" openapi/clients/python/generate.sh

sdk-typescript: $(NODE)
	@rm -rf openapi/clients/typescript/parley openapi/clients/typescript/build
	cd openapi/clients/typescript && ../node_modules/.bin/openapi-ts --no-log-file
	cd openapi/clients/typescript && ../node_modules/.bin/tsc --project .

clients: sdk-python ## Check the types of both clients strictly, and run the same story with each (TypeScript needs npm)
	cd openapi/clients/python && "$(abspath $(BIN))/mypy" --strict --config-file= story.py parley_helpers.py parley_client
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory sdk-typescript; \
		else echo "(no npm here: the TypeScript client is left out)"; fi
	PYTHONPATH=. $(BIN)/python openapi/clients/stories.py \
		"env PYTHONPATH=openapi/clients/python $(BIN)/python openapi/clients/python/story.py" \
		$(if $(shell command -v npm),"node openapi/clients/typescript/build/story.js")

clients-others: $(NODE) $(DEV) ## Make clients in Go and TypeScript by openapi-generator, and compile them (needs Java, Go)
	@$(PIP) install --require-hashes --requirement openapi/clients/others/requirements.txt
	@PATH="$(abspath $(BIN)):$$PATH" openapi/clients/others/compile.sh

# SECONDS has a default for the soak.
conformance: SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),0)
conformance: $(TOOLS) ## Send requests made from the OpenAPI document (EXAMPLES=25 SEED=1 SECONDS=0 PHASES=fuzzing,coverage)
	PYTHONPATH=. $(BIN)/python openapi/clients/conformance/run.py "$(abspath $(BIN))/schemathesis" $(or $(EXAMPLES),25) \
		$(or $(SEED),1) $(or $(PHASES),fuzzing) $(SECONDS)

lint-openapi: $(NODE) ## Lint the OpenAPI document with redocly and spectral (needs Node and npm)
	openapi/clients/lint/lint.sh

screens: dev ## Draw the pictures of docs/page.md again, with Chromium
	PARLEY_SCREENS=docs/screens $(BIN)/python -m pytest -n 0 -q tests/page/test_browser.py tests/page/test_browser_reference.py -k screens

attack: dev ## Attack the service, and break what it stands on; prints what happens
	$(BIN)/python -m pytest -m row $(ALONE) --tb=short -q $(ARGS)

# SECONDS has a default for the soak.
failover: SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),6)
failover: dev ## Break a cluster under load: primary, network, disk, JetStream, backups (SECONDS=6 before and after each)
	$(BIN)/python -m tests.failover --seconds $(SECONDS) $(ARGS)

soak: dev ## Write, read and follow on three servers under faults and a failover (SECONDS=1200)
	$(BIN)/python -m tests.soak --seconds $(SECONDS) $(ARGS)

fuzz: dev ## Fuzz the decoder, the dates, the guard of webhooks (SECONDS=1200 each; ARGS=decoder for one)
	@$(PIP) install --require-hashes --requirement requirements-fuzz.txt
	@for target in $(or $(ARGS),decoder days guard); do \
		$(BIN)/python -m tests.fuzz $$target -max_total_time=$(SECONDS) -print_final_stats=1 || exit 1; done

bench: dev ## Measure side by side with peers; prints ratios
	$(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks --ignore tests/benchmarks/test_asof.py \
		--ignore tests/benchmarks/test_feed.py --ignore tests/benchmarks/test_relay.py \
		--ignore tests/benchmarks/test_length.py --ignore tests/benchmarks/test_postures.py \
		--ignore tests/benchmarks/test_watches.py --ignore tests/benchmarks/test_sizes.py \
		--ignore tests/benchmarks/test_rebuild.py --ignore tests/benchmarks/test_unordered.py $(ARGS)

bench-asof: dev ## Measure as-of answers as the ledger or one item's history grows (EVENTS=1000000)
	PARLEY_BENCH_EVENTS=$(EVENTS) $(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks/test_asof.py \
		tests/benchmarks/test_length.py tests/benchmarks/test_postures.py tests/benchmarks/test_unordered.py $(ARGS)

bench-feed: dev ## Measure the feed: whole log, live followers, relay (EVENTS=1000000)
	PARLEY_BENCH_EVENTS=$(EVENTS) $(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks/test_feed.py \
		tests/benchmarks/test_relay.py $(ARGS)

bench-rebuild: dev ## Rebuild beside appends at 500 events/s and reads; prints the rate, and what they waited (EVENTS=1000000)
	PARLEY_BENCH_EVENTS=$(EVENTS) $(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks/test_rebuild.py $(ARGS)

bench-sizes: dev ## Measure bytes, filling, backup, export and rebuild as the ledger grows (EVENTS=1000000)
	PARLEY_BENCH_EVENTS=$(EVENTS) $(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks/test_sizes.py $(ARGS)

bench-watches: dev ## Measure what a thousand watches cost an append
	$(BIN)/python -m pytest -m benchmark --capture no $(ALONE) tests/benchmarks/test_watches.py $(ARGS)

oracle: dev ## Compare answers at any (D, K) with the slow fold; EXAMPLES=2000 histories and more
	PARLEY_TEST_EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/python -m pytest -n $(JOBS) --maxprocesses $(MAX_JOBS) -o faulthandler_timeout=0 tests/views

wheel: | $(BIN)/python ## Build what is released: a wheel in dist (DIST=dist), with migrations, seeds and pages in it
	$(PIP) wheel --no-deps --wheel-dir $(DIST) .

# The tools are those of the lock, and not newer ones: what is compiled is what `make check` has checked.
wheel-compiled: dev ## Build a wheel for this platform and Python, in which mypyc has compiled the slow parts (DIST=dist)
	PARLEY_COMPILE=1 $(BIN)/python -m hatchling build --target wheel --directory $(DIST)

# Beside the tests there is no service/: they import what is installed. Libraries are those of .venv.
test-compiled: ## Run the tests of the rule, the write path and the projections on the compiled wheel (ARGS=...)
	@rm -rf $(COMPILED) && mkdir -p $(COMPILED)
	@$(MAKE) --no-print-directory wheel-compiled DIST=$(COMPILED)/dist
	@$(BIN)/python -m venv --without-pip $(COMPILED)/.venv
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$($(COMPILED)/.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/libraries.pth"
	@$(PIP) --python $(COMPILED)/.venv/bin/python install --no-deps $(COMPILED)/dist/*.whl
	@git ls-files -z -- . ':!service' | tar --null --files-from - --create | tar --extract --directory $(COMPILED)
	@$(COMPILED)/.venv/bin/parley --version | grep compiled
	cd $(COMPILED) && .venv/bin/python -m pytest -n $(JOBS) --maxprocesses $(MAX_JOBS) --dist worksteal \
		$(or $(ARGS),tests/domain tests/views tests/eventlog)

# The files name no registry, so that each machine asks the one it is set up for. uv lives as long as this recipe.
lock: | $(BIN)/python ## Pin the newest versions that pyproject.toml allows, with hashes
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT \
	&& $(BIN)/python -m venv "$$tools" && "$$tools/bin/python" -m pip --quiet --quiet install uv \
	&& compile() { "$$tools/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml "$$@"; } \
	&& compile --output-file requirements.txt \
	&& compile --extra dev --extra bench --constraint requirements.txt --output-file requirements-dev.txt \
	&& compile --extra fuzz --constraint requirements.txt --output-file requirements-fuzz.txt \
	&& compile --extra clients --constraint requirements-dev.txt --output-file requirements-clients.txt
	@! grep -nE '://|^-' requirements.txt requirements-dev.txt requirements-fuzz.txt requirements-clients.txt

clean: ## Remove what make made; data stays
	rm -rf $(VENV) openapi/clients/node_modules openapi/clients/python/parley_client openapi/clients/typescript/parley openapi/clients/typescript/build
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Parley needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making $(VENV)"
	@"$(PYTHON)" -m venv $(VENV)

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing Parley and the libraries it runs on (about half a minute)"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing what tests and checks need (about half a minute)"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@

$(TOOLS): requirements-clients.txt $(DEV)
	@echo "Installing what makes clients (about half a minute)"
	@$(PIP) install --require-hashes --requirement requirements-clients.txt
	@touch $@

$(NODE): openapi/clients/package.json
	@echo "Installing the linters and the generator of the TypeScript client"
	@npm install --prefix openapi/clients --silent --no-audit --no-fund --no-package-lock
	@touch $@
