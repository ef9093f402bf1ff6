# Two commands, each of which makes the environment if it is not there: `make demo` and `make test`.
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# what talks to the Hub is tried with both majors of its client; the environment has the newer one
HUB_TESTS := tests/test_hub_server.py tests/test_pull.py tests/test_push.py tests/test_card.py
UV := $(shell command -v uv)
READY := $(VENV)/.ready

.PHONY: demo test checks docs env clean

demo: env
	$(BIN)/zoo train recipes/hiscmcl.yaml

# a file stays with one worker, which makes what its tests share once
test: env checks $(VENV)/hub-1
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	PYTHONPATH=$(VENV)/hub-1 $(BIN)/python -m pytest -n 2 $(HUB_TESTS)

checks: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the site, from the pages in docs/ and from what is installed; open site/index.html
docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir site

env: $(READY)

# a plain virtual environment; uv fills it faster where it is installed
$(READY): pyproject.toml plugins/zoo-spatial/pyproject.toml plugins/zoo-cars/pyproject.toml plugins/zoo-cells/pyproject.toml plugins/zoo-hello/pyproject.toml
	$(PYTHON) -m venv $(VENV)
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet -e '.[dev]' -e 'plugins/zoo-spatial[harmony,spatialdata]' -e plugins/zoo-cars -e 'plugins/zoo-cells[cellpose]' -e plugins/zoo-hello
else
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[dev]' -e 'plugins/zoo-spatial[harmony,spatialdata]' -e plugins/zoo-cars -e 'plugins/zoo-cells[cellpose]' -e plugins/zoo-hello
endif
	touch $(READY)

$(VENV)/hub-1: $(READY)
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet --target $@ 'huggingface-hub>=1.31,<2'
else
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --target $@ 'huggingface-hub>=1.31,<2'
endif
	touch $@

clean:
	rm -rf $(VENV)
