# The commands of this house; `make help` lists them. Paths are relative and quoted, so a checkout may lie anywhere.
# PYTHON=/path/to/python3.11 chooses the interpreter; ARGS passes further arguments, as in
# make test ARGS="tests/orchestration -k settings".
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
BIN := .venv/bin
PACKAGES := ingestion training dashboards orchestration demo
ARGS ?=
SOAK_MINUTES ?= 30

.PHONY: help install install-dev demo test lint lint-types lint-sql lock clean bench test-breaks test-crash test-healing test-mutations test-increments test-sdks \
	test-dialects test-torch test-recbole test-metabase test-duckdb test-bigquery test-snowflake drill drill-upgrade soak test-soak

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

install: ## make .venv with what the platform needs; then: .venv/bin/flux
	@PYTHON="$(PYTHON)" .ci/install base

install-dev:
	@PYTHON="$(PYTHON)" .ci/install dev

demo: install ## run the whole platform once on the stand-in product, about a minute after installation
	@$(BIN)/flux demo $(ARGS)

test: install-dev ## all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-crash: install-dev ## kill -9 everywhere, cut, stall, fill the disk, then compare; an hour, FLUX_CRASH_MINUTES=10
	@$(BIN)/python -m pytest tests/crash --durations=10 $(ARGS)

test-breaks: install-dev ## break one thing after the other: doctor names it, its alert fires once and clears; the graph beside a loader; ten minutes
	@$(BIN)/python -m pytest tests/breaks $(ARGS)

test-healing: install-dev ## kill each process of 'flux up', in its start and later; it heals, nothing is lost; ten minutes
	@$(BIN)/python -m pytest tests/healing $(ARGS)

test-sdks: install-dev ## Segment's JavaScript SDKs against the collector; needs Node 20 and Chromium, skips what is not here
	@if command -v npm >/dev/null; then npm ci --prefix tests/sdks --ignore-scripts --no-audit --no-fund --loglevel=error; fi
	@$(BIN)/python -m pytest tests/sdks $(ARGS)

test-metabase: install-dev ## Metabase's own client reads what Flux made in the stand-in; needs Node 20, skips without
	@if command -v npm >/dev/null; then npm ci --prefix tests/metabase --ignore-scripts --no-audit --no-fund --loglevel=error; fi
	@$(BIN)/python -m pytest tests/metabase tests/dashboards/metabase $(ARGS)

test-mutations: install-dev ## break the models' SQL one thing at a time, a test must notice; ARGS=fct_moves, ARGS=--write for docs/mutations.md
	@$(BIN)/python -m tests.mutations $(ARGS)

test-increments: install-dev ## kept facts and the match set brought up to date along many changes, on DuckDB and Postgres; four minutes
	@$(BIN)/python -m pytest tests/models/long $(ARGS)

test-dialects: install-dev ## models as the adapters of BigQuery and Snowflake compile them, without a connection; makes .venv-dialects
	@.ci/install-dialects
	@$(BIN)/python -m pytest tests/dialects $(ARGS)
	@$(BIN)/python -m pytest tests/dialects/adapters $(ARGS)

# What must be the same in every warehouse is tested by the very tests of DuckDB and Postgres.
ON_BIGQUERY := test_crash test_defaults test_every_type test_gaps test_history_off test_message_sequences test_odd_keys \
	test_odd_shapes test_quiet test_replication test_reselection test_schema_changes test_siblings

test-bigquery: install-dev ## loads on an emulator of BigQuery; makes .venv-bigquery and .venv-bqemulator
	@.ci/install-bigquery
	@WAREHOUSES=bigquery .venv-bigquery/bin/python -m pytest tests/bigquery $(ON_BIGQUERY:%=tests/ingestion/%.py) \
		-k "not duckdb and not postgres" $(ARGS)

test-torch: install-dev ## the loaders on PyTorch and polars themselves; makes .venv-torch, TORCH=torch==2.13.0 names the release
	@.ci/install-torch
	@.venv-torch/bin/python -m pytest tests/training/test_torch.py tests/training/test_polars.py $(ARGS)

test-recbole: install-dev ## RecBole itself reads and trains on the export for it; makes .venv-recbole, some 2 GB
	@.ci/install-recbole
	@$(BIN)/python -m pytest tests/training/test_recbole.py $(ARGS)

bench: install ## every figure beside its physical floor, over an hour; ARGS="--only drain_mixed --rounds 1", ARGS=--help
	@$(BIN)/python -m benchmarks $(ARGS)

lint: install-dev ## style, types, SQL, who may import whom, size of files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@.ci/sizes
	@$(MAKE) -j 2 lint-types lint-sql

# mypy takes most of a minute on one core, while others idle: these two beside one another.
lint-types:
	@$(BIN)/mypy $(PACKAGES) benchmarks tests
lint-sql:
	@$(BIN)/sqlfluff lint dbt_project/models benchmarks/queries --processes 2

lock: install-dev ## resolve requirements/*.txt anew from pyproject.toml
	@.ci/lock

clean: ## remove caches, .venv, .venv-dialects and others; state in .flux stays (that is: flux reset)
	rm -rf .venv .venv-dialects .venv-bigquery .venv-bqemulator .venv-torch .venv-recbole .venv-feast .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

soak: install-dev ## all at once under load, processes killed at random, a verdict; SOAK_MINUTES=4320 (30), ARGS=--help
	@$(BIN)/python -m benchmarks.soak --minutes $(SOAK_MINUTES) $(ARGS)

test-soak: install-dev ## two small minutes of that, some five with all that is around it
	@$(BIN)/python -m pytest tests/soak $(ARGS)

drill: install ## lose a machine on the stand-in and get it back: backup under traffic, destroy, restore, compare; some minutes
	@$(BIN)/python -m tests.deploy.drill $(ARGS)

drill-upgrade: install ## an older release runs, this one takes over process by process while the product writes; ARGS="--from COMMIT"
	@$(BIN)/python -m tests.deploy.upgrade $(ARGS)

# Not built yet: each of these exits 2 and says so, until its room is furnished.
test-duckdb: ## all tests on the other DuckDB release
	@echo "test-duckdb is not built yet" >&2; exit 2
test-snowflake: ## loads on a Snowflake emulator
	@echo "test-snowflake is not built yet" >&2; exit 2
