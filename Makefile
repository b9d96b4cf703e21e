# Everything runs in .venv, which `demo`, `test` and the others make by themselves.
#   make install PYTHON=python3.12        another interpreter (3.11 or newer)
#   make install TORCH_INDEX=https://download.pytorch.org/whl/cpu   PyTorch without CUDA: gigabytes less

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# A test process of one thread for each core, four at most: more threads would fight for the same cores.
PYTEST := OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: install demo test test-all lint bench
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer with venv is needed (Debian and Ubuntu: apt install python3-venv); PYTHON=... names another."; exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[dev]'
	touch $(STAMP)

# ONCE=1 ends after the searches instead of serving on.
demo: $(STAMP)
	$(RUN) -m backend.cli.demo $(if $(ONCE),--once)

# The quick tier.
test: $(STAMP)
	$(PYTEST) -m "not slow"

# Everything: the quick tier (once, also in `make test test-all`), then what takes long.
test-all: test
	$(PYTEST) -m slow

lint: $(STAMP)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# Each prints ratios of figures from the same run, and fails when a bound is missed. Three are left out: `distributed`
# needs Redis and PostgreSQL, `recipe` and `training` train for long.
BENCHMARKS := recall quality relevance composed classify hybrid search steering filters store ingest start towers page
bench: $(STAMP)
	@failed=; for name in $(BENCHMARKS); do \
	  echo "== bench.$$name"; $(RUN) -m bench.$$name || failed="$$failed $$name"; \
	done; test -z "$$failed" || { echo "Missed:$$failed"; exit 1; }

# The distributed profile in containers (deploy/README.md). Writes .env with random secrets where it is missing.
.PHONY: up
up:
	@$(PYTHON) deploy/env_file.py
	docker compose up -d
