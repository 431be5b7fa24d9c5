# The newcomer's commands. Everything is installed into .venv from the lock files; nothing else on the machine is touched.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The peers live apart, so that what they need never changes what we are built and tested with.
BENCH ?= .bench
DOCS ?= .docs
ARGS ?=
ROUNDS ?= 50
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The tests start interpreters by the hundred, each of which would compile all it imports where this is set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test newcomer processes shuffle chaos check format docs bench matrix lock clean

help: ## List these recipes
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Run the reference application, on an embedded PostgreSQL unless APP_DATABASE__DSN is set
	@exec $(BIN)/python -m app.main

test: $(VENV)/.dev ## Run all tests (ARGS="-k name" for some of them)
	@$(BIN)/python -m pytest --numprocesses auto $(ARGS)

newcomer: $(VENV)/.dev ## Do what a newcomer does, in a fresh clone with nothing installed
	@$(BIN)/python -m pytest -m newcomer tests/packaging tests/docs $(ARGS)

processes: $(VENV)/.dev ## Run the tests that start whole applications, many of them at once, and kill some
	@$(BIN)/python -m pytest -m processes --numprocesses auto $(ARGS)

shuffle: $(VENV)/.dev ## Run the application's tests fifty times, in random orders, with four workers (ROUNDS=1 for once)
	@for round in $$(seq $(ROUNDS)); do $(BIN)/python -m pytest --numprocesses 4 --quiet tests/reference $(ARGS) || exit 1; done

chaos: $(VENV)/.dev ## The long campaigns on migrations and on the pool (POOLHOUSE_CHAOS_SEED repeats a run)
	@$(BIN)/python -m pytest -m chaos $(ARGS)

check: $(VENV)/.dev ## Run linters, type checkers and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code, and mend what can be mended without judgement
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DOCS)/.installed ## Build the documentation into build/docs; a warning, or a link that leads nowhere, is an error
	@$(DOCS)/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs build/docs
	@$(DOCS)/bin/python docs/check_site.py build/docs

bench: $(BENCH)/.installed ## Compare with the peers, in one run; ratios go to benchmarks/results/latest.json (ARGS=migrations)
	@$(BENCH)/bin/python -m benchmarks $(ARGS)

matrix: $(VENV)/.dev ## Run the tests on every supported Python (all of them must be installed)
	@$(BIN)/nox $(ARGS)

lock: $(VENV)/.dev ## Write the lock files anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra fastapi --extra embedded --group build pyproject.toml -o requirements/run.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra fastapi --extra embedded --extra scaffold --extra testing --extra otel --extra prometheus \
		--group build --group dev \
		-c requirements/run.lock pyproject.toml -o requirements/dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra cli --extra embedded --extra fastapi --extra otel --extra prometheus --extra testing --group build \
		-c requirements/dev.lock \
		requirements/bench.in pyproject.toml -o requirements/bench.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra fastapi --extra embedded --extra cli --extra testing --extra otel --extra prometheus --group build --group docs \
		-c requirements/dev.lock pyproject.toml -o requirements/docs.lock

clean: ## Remove everything that was installed or made, and the development database
	rm -rf $(VENV) $(BENCH) $(DOCS) build .nox .poolhouse .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("poolhouse needs Python 3.11 or newer: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the application needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/run.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what development needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

$(BENCH)/.installed: requirements/bench.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the benchmarks compare into $(BENCH) …"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --require-hashes --requirement requirements/bench.lock
	@$(BENCH)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DOCS)/.installed: requirements/docs.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the documentation is built with into $(DOCS) …"
	@$(BIN)/python -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --require-hashes --requirement requirements/docs.lock
	@$(DOCS)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
