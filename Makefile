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

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# What lints the OpenAPI document and makes the TypeScript client.
NODE := openapi/clients/node_modules/.installed
# What makes the Python client, and attacks the service by the document.
TOOLS := $(VENV)/.clients-installed
COMMA := ,

export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
