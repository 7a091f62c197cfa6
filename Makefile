# Everything a person does with this repository. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help

.PHONY: help
help: ## list what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Wheels only: nobody needs a compiler. Hashes are checked for every file.
$(READY): requirements-dev.lock pyproject.toml
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Omega needs Python 3.11 or newer; '$(PYTHON)' is older. Use: make PYTHON=python3.12 ..."; exit 64; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	  -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(READY) ## create .venv with everything pinned

.PHONY: demo
demo: $(READY) ## an installation accepted over an emulated access link, with its signed record
	@PYTHONPATH=tests $(BIN)/python scripts/demo.py

.PHONY: test
test: $(READY) ## the tests, without the slow ones (under five minutes)
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/run_tests.sh $(COVERAGE) -m "not slow"

.PHONY: test-slow
test-slow: $(READY) ## the slow tests: whole measurements on emulated links, crashes, bad input
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/run_tests.sh $(COVERAGE) --together -m slow

.PHONY: test-all
test-all: ## all tests, with coverage and its gates
	@rm -f .coverage .coverage.*
	@$(MAKE) test COVERAGE=--coverage
	@$(MAKE) test-slow COVERAGE="--coverage --gates"

.PHONY: check
check: $(READY) ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache . # a cached answer once hid what a fresh clone saw
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: accuracy
accuracy: $(READY) ## measure emulated links and compare with the truth, iperf3, irtt and ping
	@PYTHONPATH=tests $(BIN)/python bench/accuracy.py

.PHONY: accuracy-decisions
accuracy-decisions: $(READY) ## simulate thousands of lines at and off their limits: error rates of the verdicts
	@PYTHONPATH=tests $(BIN)/python bench/decisions.py

.PHONY: bench
bench: $(READY) ## speed and size, beside peers in the same run
	@$(BIN)/python bench/run.py

# Its tool is installed beside the others on the first run, and nothing else needs it. One part of it
# comes as source only, and is all Python.
$(VENV)/.mutation: $(READY) requirements-mutation.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	  --no-binary yattag -r requirements-mutation.lock
	@touch $@

.PHONY: mutation
mutation: $(VENV)/.mutation ## change verifier and engine in thousands of ways, count what no test sees (MODULES=...)
	@$(BIN)/python scripts/mutation.py $(MODULES)

.PHONY: lab
lab: $(READY) ## a shell on the customer's side of an emulated link (LINK=wimax, adsl, ftth ...)
	@cd tests && ../$(BIN)/python -m lab.shell --link $(or $(LINK),wimax)

.PHONY: clean
clean: ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
