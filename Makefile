# Two commands matter: `make demo` and `make test`. Each makes .venv first if it is missing or older
# than requirements.txt. Choose the interpreter with `make demo PYTHON=/path/to/python3.12`.

# Exits with 0 only under a Python that this project runs on and that can make environments. pyenv
# leaves commands on the PATH that fail when run, so a candidate is run, not just looked up.
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
    if $$p -c '$(USABLE)' >/dev/null 2>&1; then echo $$p; break; fi; done)

CONFIG ?= configs/activity.py:simulated
WORKDIR ?= runs/demo
PYTEST_ARGS ?=
COVERAGE ?=

PARALLEL := -n auto --dist loadfile
RUN := .venv/bin/python
# With COVERAGE=1 the lines that are run are added to .coverage, of processes that tests start too.
# Python 3.12 counts them by itself; before, that is half as much work again. SlipCover, which costs less, breaks tests.
COVER = $(if $(COVERAGE),--cov --cov-append --cov-report=)
COVER_CORE = $(if $(COVERAGE),COVERAGE_CORE=$(shell \
    $(RUN) -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")'))
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help demo example test test-slow coverage bench lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## the activity experiment on simulated data, into runs/demo (again: resumes)
	$(RUN) launch.py --config=$(CONFIG) --workdir=$(WORKDIR)

# On MotionSense where it lies below HYBRID_JAX_DATA, else on simulated windows, of which the network knows nothing.
EXAMPLE_DATA := $(if $(wildcard $(HYBRID_JAX_DATA)/motionsense),motionsense,simulated)

example: $(STAMP) ## exports the trained network of examples/activity and audits the files: no training, no download
	rm -rf runs/example
	$(RUN) -m export --workdir=examples/activity --method=advanced --layer=fc_1 --formats=tflite --data=$(EXAMPLE_DATA) --out=runs/example/bundle
	$(RUN) -m export.audit --bundle=runs/example/bundle --data=$(EXAMPLE_DATA) --out=runs/example/audit
	@head -n 16 runs/example/audit/audit.md

# Of many small programs compiling takes most of the time; those of `test-slow` run as users have them. The emitters of
# fused loops write faster programs in more time: with them `make test` takes 1.4 times as long. JAX 0.11 has no other.
PLAIN_LOOPS := --xla_cpu_use_fusion_emitters=false
COMPILE_FAST = --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1 $(shell \
    XLA_FLAGS=$(PLAIN_LOOPS) JAX_PLATFORMS=cpu $(RUN) -c 'import jax; jax.devices()' >/dev/null 2>&1 && echo $(PLAIN_LOOPS))

test: lint ## lint, then every test that is not slow
	XLA_FLAGS="$(XLA_FLAGS) $(COMPILE_FAST)" $(COVER_CORE) $(RUN) -m pytest $(PARALLEL) -m "not slow" \
	    $(COVER) $(PYTEST_ARGS)

# In the order of their names: files of few tests, which xdist would begin last, are the longest here.
test-slow: $(STAMP) ## the tests marked slow
	$(RUN) -m pytest $(PARALLEL) --no-loadscope-reorder -m slow $(PYTEST_ARGS)

coverage: $(STAMP) ## of the tests that have run with COVERAGE=1: fails where less than 90 % of the lines were run
	$(RUN) -m coverage report --fail-under=90

bench: $(STAMP) ## training steps, VGG-16's forward pass, streaming, the privacy measure and exported files against their peers (requirements-bench.txt)
	$(RUN) -m benchmarks.train_step
	$(RUN) -m benchmarks.convolutions
	$(RUN) -m benchmarks.stream
	$(RUN) -m benchmarks.privacy
	$(RUN) -m benchmarks.device

lint: $(STAMP) ## ruff: rules and format; mypy: types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

clean: ## remove .venv and the caches; runs/ stays
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp comes last and the environment is made anew each time, so one that was cut short, or that
# still holds what requirements.txt has dropped, is never taken for a finished one.
$(STAMP): requirements.txt
	@"$(PYTHON)" -c '$(USABLE)' >/dev/null 2>&1 || { \
	    echo "error: '$(PYTHON)' is no Python 3.11 to 3.13 with venv; give one: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; }
	@echo "installing requirements.txt into .venv with $(PYTHON) (3 GB, some minutes)"
	@"$(PYTHON)" -m venv --clear .venv
	@$(RUN) -m pip install --quiet --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
