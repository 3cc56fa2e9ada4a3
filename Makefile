# Targets are the only way anything is run; all go through the locked environment.
# `make demo` runs the main job, `make test` passes the tests; both install what they need.

SHELL := /bin/bash
# Builds of PostgreSQL that Debian does not have, for the tests.
export RECON_POSTGRES ?= $(CURDIR)/.tools/postgres
# Where this is set, each of the hundreds of processes of a test run would compile all modules anew.
export PYTHONDONTWRITEBYTECODE =
BIN := .venv/bin
# One worker more than processors: some wait for servers.
PARALLEL := -n $(shell echo $$(( $$(nproc) + 1 ))) --dist loadfile --no-loadscope-reorder
READY := .venv/.ready
DEMO ?= march-8
COUNT ?= 20000
SECONDS ?= 120

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit thorough fuzz bench score worlds notebooks docs lock case system clean

help: ## What there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## The case of March 8, from packaged evidence to exhibits
	@$(BIN)/recon demo $(DEMO)

test: system lint unit ## All checks and tests, live servers included

lint: $(READY) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY) ## Tests alone
	$(BIN)/python -m pytest --ignore=tests/bench -m "not thorough" $(PARALLEL)

thorough: $(READY) system ## More versions of PostgreSQL, a real MLflow, Ceph, more generated input
	scripts/system radosgw ceph-common ceph-mon ceph-osd
	RECON_MLFLOW=$$(scripts/mlflow) $(BIN)/python -m pytest -m "thorough and not bench" $(PARALLEL)
	RECON_EXAMPLES=400 $(BIN)/python -m pytest -m "hypothesis and not bench and not thorough" $(PARALLEL)

fuzz: $(READY) ## Feed TARGET, a parser, what its coverage suggests, for SECONDS; without TARGET: which
	PYTHONPATH=$$(scripts/atheris) $(BIN)/python -m tests.fuzz $(TARGET) -max_total_time=$(SECONDS)

bench: $(READY) system ## Speed and memory, side by side with peers
	$(BIN)/python -m pytest -m bench -s tests/bench

score: $(READY) system ## What recon finds of the corpus of incidents and of their innocent twins, into the README
	$(BIN)/python -m tests.score

worlds: $(READY) ## Error rates about time over COUNT made-up worlds, into the README
	$(BIN)/python -m tests.error_rates --count $(COUNT)

notebooks: $(READY) ## JupyterLab on the walk-through of March 8 and the self-audit
	$(BIN)/jupyter lab notebooks

docs: $(READY) ## Write docs/ anew from the code
	$(BIN)/python scripts/generate_docs.py

case: $(READY) system ## Make the packaged evidence of March 8 anew, from real parts
	@command -v aws >/dev/null || scripts/system awscli
	rm -rf build/march_8 && mkdir -p build
	$(BIN)/python tests/corpus/march_8/make.py $(CURDIR)/build/march_8
	rm -rf recon/packaged/march_8 && mv build/march_8 recon/packaged/march_8

lock: ## Resolve requirements.lock anew
	uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --group dev \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

system: $(READY)
	@scripts/system
	@$(BIN)/python -m collectors.postgres.binaries 14 16 17 18 >/dev/null

clean: ## Remove the environment and what was derived
	rm -rf .venv .tools $(DEMO) .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml requirements.lock scripts/environment
	@scripts/environment
