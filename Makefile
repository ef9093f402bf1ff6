# Two commands, each of which makes the environment if it is not there: `make demo` and `make test`.
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
UV := $(shell command -v uv)
READY := $(VENV)/.ready

.PHONY: demo test checks env clean

demo: env
	$(BIN)/zoo train recipes/hiscmcl.yaml

test: env checks
	$(BIN)/python -m pytest -n 2 --dist loadgroup

checks: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

env: $(READY)

# a plain virtual environment; uv fills it faster where it is installed
$(READY): pyproject.toml plugins/zoo-spatial/pyproject.toml
	$(PYTHON) -m venv $(VENV)
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet -e '.[dev]' -e plugins/zoo-spatial
else
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[dev]' -e plugins/zoo-spatial
endif
	touch $(READY)

clean:
	rm -rf $(VENV)
