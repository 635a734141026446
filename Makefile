# Every target sets up what it needs by itself: Python 3.11 or newer, git and make are enough.
# Nothing is written outside this folder, apart from pip's cache.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
INSTALLED := $(VENV)/.installed
BROWSER := $(VENV)/.browser

# make PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" spares a Linux machine
# without a GPU some gigabytes of CUDA libraries.
PIP_ARGS ?=
# make test WORKERS=4: how many tests run at a time.
WORKERS ?= auto
# make grade SUBMITTED=folder: a folder laid out as submitted/<student>/<chapter>/<chapter>.ipynb.
SUBMITTED ?=

# IPython keeps its history with the course, not in the home folder.
export IPYTHONDIR := $(CURDIR)/.course/ipython

.PHONY: help
help:  ## show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Learners
.PHONY: lab
lab: $(INSTALLED)  ## open your own copies of the chapters in JupyterLab
	@$(BIN)/autograder lab

##@ Instructors
.PHONY: grade
grade: $(INSTALLED)  ## grade a sample class, or yours: make grade SUBMITTED=folder
	@$(BIN)/autograder grade $(if $(SUBMITTED),"$(SUBMITTED)")

##@ Maintainers
.PHONY: notebooks
notebooks: $(INSTALLED)  ## build the notebooks from solutions/NN_topic.py
	@$(BIN)/autograder build

.PHONY: validate
validate: $(INSTALLED)  ## test the exercises: solutions, mistakes, alternatives, stubs
	@$(BIN)/autograder validate

# In the order in which a mistake is cheapest to find. One thread each: the tensors are tiny.
test: export OMP_NUM_THREADS = 1
.PHONY: test
test: $(INSTALLED) $(BROWSER)  ## all of it: lint, tests, exercises, notebooks
	$(BIN)/ruff check .
	$(BIN)/autograder build --check
	$(PY) -m pytest -n $(WORKERS)
	$(PY) -m pytest -n $(WORKERS) -m far
	$(PY) -m pytest --nbval --nbval-sanitize-with=tests/nbval.cfg solutions

.PHONY: weights
weights: $(INSTALLED)  ## train the models that ship with the course again
	rm -rf minitransformer/weights
	$(PY) -c "from minitransformer.pretrained import commands; print(*commands(), sep='\n')" \
	  | while read -r _ command; do $(PY) $$command < /dev/null; done
	rm minitransformer/weights/*/{checkpoint.safetensors,log.jsonl}

.PHONY: bench
bench: $(INSTALLED)  ## measure speed, as ratios that hold on any machine
	@$(PY) -m bench

.PHONY: constraints
constraints: $(INSTALLED)  ## write the installed versions to constraints.txt
	@{ echo "# The exact versions that CI passed with. Written by: make constraints"; \
	   $(PY) -m pip freeze --exclude-editable \
	     | sed -nE 's/^([A-Za-z0-9._-]+==[^ +]+)(\+[^ ]*)?$$/\1/p' | LC_ALL=C sort -f; } \
	   > constraints.txt.new
	@mv constraints.txt.new constraints.txt

# --- what the targets need -------------------------------------------------------------------

# Your own python3 is taken when it is new enough; PYTHON=... overrides.
define FIND_PYTHON
for python in $(strip $(PYTHON) python3) python3.13 python3.12 python3.11; do \
  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
    > /dev/null 2>&1; then found=$$python; break; fi; \
done; \
if [ -z "$${found:-}" ]; then \
  echo "No Python 3.11 or newer with venv was found (tried $(strip $(PYTHON) python3), python3.13 to" \
    "python3.11). Install one (on Debian and Ubuntu: apt install python3 python3-venv), or say" \
    "where it is: make PYTHON=/path/to/python3" >&2; \
  exit 1; \
fi
endef

# Runs again only when what is to be installed changed.
$(INSTALLED): pyproject.toml constraints.txt
	@$(FIND_PYTHON); \
	if ! $(PY) -c "import pip" > /dev/null 2>&1; then \
	  echo "Creating $(VENV) with $$("$$found" --version)"; "$$found" -m venv $(VENV); \
	fi
	@echo "Installing the course into $(VENV); the first time takes some minutes"
	@$(PY) -m pip install --disable-pip-version-check --quiet $(PIP_ARGS) \
	  -c constraints.txt -e ".[course,dev]"
	@touch $@

# Browser tests need Chromium. Without one they are skipped, and say so.
$(BROWSER): | $(INSTALLED)
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  echo "Installing Chromium for the browser tests"; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null; \
	else \
	  $(PY) -m playwright install chromium; \
	fi > $@.log 2>&1 && mv $@.log $@ || { \
	  cat $@.log >&2; \
	  echo "No Chromium could be found or installed: the browser tests will be skipped" >&2; }
