# make demo     install into .venv and run the contraception scenario
# make test     install with the development tools and run the whole test suite, slow tests included
# make lint     ruff and mypy
# make bench    the benchmark table of this machine
# make bench-check  fail if a ratio of it is worse than what benchmarks/history has of this machine
# make gallery  run every experiment of the catalogue and write docs/gallery
# make docs     build the documentation site in build/site, from docs/; needs no network
# make studies  run every shipped study and write docs/studies
# make clean    remove .venv and everything that was built
#
# Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# An environment whose interpreter is gone is made and filled anew.
$(shell test -x $(BIN)/python || rm -f $(VENV)/installed*)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench bench-check docs gallery studies clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/installed
	$(BIN)/evosim run contraception --seed 1

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed
	$(BIN)/evosim bench

bench-check: $(VENV)/installed
	$(BIN)/evosim bench --check

gallery: $(VENV)/installed
	$(BIN)/evosim gallery

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -W --keep-going -c tools/site -d build/site-trees docs build/site
	@echo "build/site/index.html"

studies: $(VENV)/installed
	$(BIN)/evosim study pages

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find evosim tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The install is editable: only new metadata, never an edited module, makes it out of date.
$(VENV)/installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing evosim into $(VENV), which takes a minute or two ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing evosim and its development tools into $(VENV), which takes a minute or two ..."
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/installed $(VENV)/installed-docs $@

$(VENV)/installed-docs: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing evosim and what builds its documentation into $(VENV) ..."
	@$(PIP) --editable '.[docs]'
	@touch $(VENV)/installed $@

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "evosim needs Python 3.11 or newer, and there is no '$(PYTHON)' here."; \
	  echo "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python)"; \
	  echo "or name another one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "evosim needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1)."; \
	  echo "Install a newer one and name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; } >&2
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its venv or ensurepip module is missing."; \
	  echo "Debian and Ubuntu keep them in a package of their own: apt install python3-venv"; exit 1; } >&2
	@echo "creating $(VENV) ..."
	@"$(PYTHON)" -m venv $(VENV)
