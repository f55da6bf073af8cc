# Two commands that need make and Python 3.11 or newer, and nothing else:
#   make demo    the shipped model draws pictures and their maps into out/demo
#   make test    lint, types and tests
PYTHON ?= python3
VENV ?= .venv
TOOLS ?= .tools
WORKERS ?= 2
DEMO_OUT ?= out/demo

BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format unit bench tools test-tools clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.core  ## eight prompts: a picture grid and a dataset folder in out/demo
	$(BIN)/pandiff demo --out $(DEMO_OUT)

test: lint unit  ## all that a change must pass

lint: $(VENV)/.dev  ## ruff's rules and format, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(VENV)/.dev  ## the tests; WORKERS=N for more processes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --durations 10

bench: $(VENV)/.dev  ## every script of benchmarks/
	@for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

tools: $(TOOLS)/.done  ## Ultralytics, mmsegmentation, FiftyOne, detectron2, to read our exports by

test-tools: tools  ## the exports, read back by those tools
	PANDIFF_TOOLS=$(TOOLS) $(BIN)/pytest tests/synthesis/exporters/test_tools.py

clean:  ## remove the environments and what was built; runs/ and out/ stay
	rm -rf $(VENV) $(TOOLS) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info

# An empty stamp file says which requirements are installed, so that a second call asks pip nothing.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and \
	  f"pandiff: error: expected Python 3.11 or newer, got {v}; call make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(PINS) | $(BIN)/python
	$(PIP_INSTALL) torch==2.13.0
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP_INSTALL) -e '.[dev,train,eval,hf]'
	@touch $@

$(TOOLS)/.done: scripts/make_tools.sh scripts/tools.txt scripts/tools_source.txt $(VENV)/.dev
	bash scripts/make_tools.sh $(BIN)/python $(TOOLS)
	@touch $@
