# `make demo` and `make test` need only Python 3.11 to 3.14, git and make; everything else goes into .venv.
# What .venv holds is pinned by hash in requirements/, and it is built anew when those files change.

.DEFAULT_GOAL := help
.PHONY: help demo test slow bench lint format docs lock dist clean python

PY := .venv/bin/python
sum = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
# Stamps whose names hold a checksum of what they stand for; only a change of requirements builds .venv anew.
# What the page is made of counts too: it is built again where that has changed and npm is there.
PINS := $(call sum,requirements/run.txt requirements/dev.txt)
RUN_READY := .venv/.run-$(PINS)
PAGE := web/index.html web/package-lock.json web/vite.config.ts $(shell find web/src web/tools -type f 2>/dev/null | sort)
HERE_READY := .venv/.openleo-$(PINS)-$(call sum,pyproject.toml src/openleo/__init__.py $(PAGE))
DEV_READY := .venv/.dev-$(PINS)
PIP_INSTALL := $(PY) -m pip install --quiet --quiet --disable-pip-version-check
TESTED := src/openleo tests benchmarks experiments docs

# The first of these that runs, is in range and can make a virtual environment; PYTHON=... goes before them.
define FIND_PYTHON
found=; for name in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
  if "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
    >/dev/null 2>&1; then found=$$name; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "error: no Python 3.11 to 3.14 with the venv module is on PATH" >&2; \
  echo "hint: install one (on Debian: python3 and python3-venv), or name one: make PYTHON=/path/to/python3" >&2; \
  exit 1; \
fi
endef

help:
	@echo 'make demo          run the built-in scenario ukraine-2022, a whole day'
	@echo 'make test          format, lint, types, layers and the tests'
	@echo 'make slow          the tests that take minutes'
	@echo 'make bench         every benchmark; one of them with NAME=startup'
	@echo 'make lint          what `make test` checks before the tests; `make format` mends what it can'
	@echo 'make docs          write docs/cli.md and the tables of docs/results.md'
	@echo 'make dist          build the wheel and the source archive into dist/'
	@echo 'make lock          renew requirements/*.txt from pyproject.toml (needs uv)'
	@echo 'make clean         remove .venv and caches'

python:
	@$(FIND_PYTHON); echo "$$found"

$(RUN_READY):
	@rm -rf .venv
	@$(FIND_PYTHON); echo "making .venv with $$("$$found" --version)"; "$$found" -m venv .venv
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/run.txt
	@touch $@

$(HERE_READY): | $(RUN_READY)
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@rm -f .venv/.openleo-* && touch $@

$(DEV_READY): | $(RUN_READY)
	@echo 'adding what tests need to .venv'
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

demo: $(HERE_READY)
	@.venv/bin/openleo run ukraine-2022

lint: $(HERE_READY) $(DEV_READY)
	@.venv/bin/ruff format --quiet --check $(TESTED) || \
	  { .venv/bin/ruff format --check $(TESTED); echo 'hint: make format'; exit 1; }
	@.venv/bin/ruff check --quiet $(TESTED)
	@.venv/bin/mypy
	@PATH="$$PWD/.venv/bin:$$PATH" .venv/bin/lint-imports --no-logo

format: $(HERE_READY) $(DEV_READY)
	@.venv/bin/ruff format $(TESTED)
	@.venv/bin/ruff check --fix $(TESTED)

# The ci profile makes Hypothesis draw the same examples every time.
test: lint
	@$(PY) -m pytest -m 'not slow' -n 2 --dist worksteal --hypothesis-profile=ci

slow: $(HERE_READY) $(DEV_READY)
	@$(PY) -m pytest -m slow -n 2 --dist worksteal --hypothesis-profile=ci --durations=5

bench: $(HERE_READY) $(DEV_READY)
	@$(PY) benchmarks/_all.py $(NAME)

docs: $(HERE_READY) $(DEV_READY)
	@for page in cli results telemetry stream openapi authorization descriptors terminal_api; do \
	  $(PY) docs/write_$$page.py || exit 1; done

dist: $(HERE_READY) $(DEV_READY)
	@rm -rf dist && $(PY) -m build --no-isolation --outdir dist .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links --constraint requirements/limits.txt --upgrade
lock:
	@$(LOCK) pyproject.toml --group pyproject.toml:build --output-file requirements/run.txt
	@$(LOCK) pyproject.toml --group pyproject.toml:dev --constraint requirements/run.txt \
	  --output-file requirements/dev.txt

clean:
	@rm -rf .venv .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	@find src tests -name __pycache__ -prune -exec rm -rf {} +
