# Every target sets up what it needs first. The Python environment lives in .venv/, data in data/, tokens in tokens/.
SHELL := /bin/bash
PY := .venv/bin/python
# One more than the two processors of a small machine: many tests wait for a server. Each process starts servers of its own.
TEST_PROCESSES ?= 3

.PHONY: help quickstart test check format bench bench-short gmail-quota torture services docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | column -t -s "$$(printf '\t')"

.venv/.runtime: requirements.txt scripts/setup
	scripts/setup requirements.txt
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt scripts/setup
	scripts/setup requirements-dev.txt
	@touch $@ .venv/.runtime

.venv/.bench: requirements.txt requirements-dev.txt requirements-bench.txt scripts/setup
	scripts/setup requirements-bench.txt
	@touch $@ .venv/.dev .venv/.runtime

services:
	scripts/install-services test

quickstart: .venv/.runtime  ## ingest the sample mailbox with an embedded Redis and SQLite, and look at it
	$(PY) -m scripts.quickstart

# Tests start hundreds of Python processes: compiled once, even where the environment says not to keep what was compiled.
test: export PYTHONDONTWRITEBYTECODE =
test: .venv/.dev services  ## run all tests, real servers included
	$(PY) -m pytest -n $(TEST_PROCESSES) --dist worksteal

check: .venv/.dev  ## lint, format and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .

format: .venv/.dev  ## put the code into the house format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.bench  ## measure, as ratios in one run
	scripts/install-services bench
	$(PY) -m scripts.bench

bench-short: .venv/.bench  ## the same with fewer mails
	scripts/install-services bench
	$(PY) -m scripts.bench --short

gmail-quota: .venv/.dev services  ## prove that a Gmail backfill sits at its quota and never above it: 8 minutes
	$(PY) -m scripts.bench.gmail_quota

torture: .venv/.dev services  ## the long fault run: kill -9 at random, lost replies, then compare every mail
	$(PY) -m scripts.torture --mails 20000
	$(PY) -m scripts.torture --source gmail --mails 20000
	ATTACHMENT_KILLS=50 $(PY) -m pytest -q tests/integration/worker/test_attachments.py -k kill_9

docs: .venv/.dev  ## write the reference pages that come from the code
	$(PY) -m scripts.write_reference_docs

clean:  ## remove the environment and caches; keeps data/ and tokens/
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
