# Two commands do everything on a fresh machine: make sweep, make test. Both install what they need into .venv first.
#
#     make sweep DEVICES=1,2,3,4,5     on these GPUs          make sweep PYTHON=python3     in an environment you have

SHELL := /bin/bash
.DEFAULT_GOAL := help

JOB   ?= jobs/report.toml
DATA  := needed-data
VENV  := .venv
STAMP := $(VENV)/.installed

ifeq ($(origin NAME),environment)
  NAME :=  # some systems set it for purposes of their own
endif

# These reach Python through the environment, and as they were typed: never expanded by make or by the shell.
override DEVICES := $(value DEVICES)
override JOB := $(value JOB)
override NAME := $(value NAME)
export DEVICES JOB NAME

ifdef PYTHON
  RUN   := $(PYTHON)
  READY :=
else
  RUN   := $(VENV)/bin/python
  READY := $(STAMP)
endif

.PHONY: help setup again data needed-data sweep status tail test soak bench gpu pythons integrations ray slurm check lint types docs pictures report clean

help:            ## say what there is
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(READY)  ## install everything into .venv

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@sh venv.sh $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

# An environment whose Python is gone, too old or another one by now is made anew, whatever its stamp says.
ifneq ($(wildcard $(STAMP)),)
  ifneq ($(shell $(VENV)/bin/python -c 'import importlib.util as u; print(u.find_spec("typer") is not None)' 2>/dev/null),True)
    $(STAMP): again
  endif
endif
again:

data: $(READY)   ## make the training text, data/tokenized_data.pt; what is there already is kept
	@if test -e data/tokenized_data.pt -o -L data/tokenized_data.pt; \
	then echo 'data/tokenized_data.pt is there and is kept; to replace it: $(RUN) -m minigpt.data --force'; \
	else $(RUN) -m minigpt.data --out data --force; fi

# Before a sweep the text is made only where there is nothing that could be trained on instead: neither that file, nor the
# user's sample_dataset.pt, which it would hide from then on, nor a data_dir of the job's own.
needed-data: $(READY)
	@test -e data/tokenized_data.pt -o -L data/tokenized_data.pt -o -e data/sample_dataset.pt -o -L data/sample_dataset.pt \
	|| grep -qs '^[^#]*data_dir' -- "$$JOB" || $(RUN) -m minigpt.data --out data

sweep: $(READY) $(DATA)  ## train the experiments of JOB in parallel: make sweep DEVICES=1,2,3,4,5
	@$(RUN) -m launcher run "$$JOB" --parallel $(ARGS)

status: $(READY) ## say how the sweep of JOB stands, while it runs or after
	@$(RUN) -m launcher status "$$JOB"

tail: $(READY)   ## follow logs of JOB until it ends: make tail NAME=baseline (default: all of them)
	@$(RUN) -m launcher follow --job "$$JOB" -- $${NAME:+"$$NAME"}

test: $(READY)   ## run the tests
	@# Hundreds of launches: where Python may not keep what it compiles, they take a quarter longer.
	env -u PYTHONDONTWRITEBYTECODE $(RUN) -m pytest -n 3 --dist loadfile -m 'not slow and not ray and not slurm'

pythons: $(READY) ## run the tests on every supported Python that is installed here, in .venv-3.12 and so on
	$(RUN) -m tests.pythons $(ARGS)

integrations: $(READY) ## install transformers, Lightning and others into .venv-integrations: the tests of the adapters use them
	$(RUN) -m tests.integrations_environment

ray: $(READY)    ## install Ray into .venv-ray, and run the tests of --on ray on nodes of it
	$(RUN) -m tests.ray_environment
	.venv-ray/bin/python -m pytest -m ray tests/launcher/clusters $(ARGS)

slurm: $(READY)  ## install Slurm (as root, on Debian), and run the tests of --on slurm on four nodes of this machine
	tests/engines/slurm-up.sh install
	$(RUN) -m pytest -n 2 --dist loadfile -m slurm tests/launcher tests/test_cluster_page.py $(ARGS)

soak: $(READY)   ## kill at random for SECONDS (600), with a printed SEED, beside LOAD (0) busy processes
	$(RUN) -m tests.soak --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED)) $(if $(LOAD),--load $(LOAD))

bench: $(READY) $(DATA)  ## measure everything, also against other launchers, into bench/README.md (half an hour; ONLY=step)
	@$(RUN) -c 'import joblib, hydra, optuna, ray, submitit' 2>/dev/null || $(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(RUN) bench/all.py $(ONLY)

gpu: $(READY)    ## prove every promise about GPUs on the card that is here, in ten minutes, into bench/README.md
	@$(RUN) bench/gpu $(ARGS)

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(READY)
	$(RUN) -m mypy

docs: $(READY)   ## write docs/reference/ from the code
	$(RUN) -m docs.generate

pictures: $(READY) $(DATA) ## renew the pictures of README and docs out of a real sweep (needs tmux and Chromium)
	@$(RUN) -m docs.pictures

check: lint types test  ## lint, types and tests: what CI runs

report: $(READY) ## make tables and plots again from the records
	@$(RUN) -m launcher report "$$JOB"

clean:           ## remove what runs wrote (outcome/, logs/) and caches; keep data and .venv
	find outcome logs -mindepth 1 ! -name .gitignore -delete
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage .coverage.*
