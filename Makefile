# `make` alone lists the commands. The virtual environment is made on first use, and brought up to date
# whenever what it should hold has changed.

VENV := .venv
PYTHON ?= python3
FOLDER ?= demo
STAMP := $(VENV)/.darkcal-installed
RUN := $(VENV)/bin/python -m

GOOD := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
USABLE := import pip, sys; sys.exit(sys.version_info < (3, 11))

# An environment belongs to the folder it was made in: after a clone was moved it is installed again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.PHONY: help demo lab test coverage floors newest pythons nbgrader bench faults check format docs clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(STAMP)  ## simulate both example nights and run both notebooks headlessly, in demo/
	@$(VENV)/bin/darkcal demo "$(FOLDER)"

lab: $(STAMP)  ## open the same notebooks in JupyterLab
	@$(VENV)/bin/darkcal lab "$(FOLDER)" $(LAB_OPTIONS)

test: $(STAMP)  ## run all tests
	@$(RUN) pytest -n 2 --dist loadfile $(PYTEST_OPTIONS)

coverage: $(STAMP)  ## run all tests, and tell how much of the code they reach
	@mkdir -p build/coverage
	@$(RUN) coverage erase
	@$(RUN) coverage run -m pytest -n 2 --dist loadfile $(PYTEST_OPTIONS)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report --skip-covered --sort=cover

floors: $(STAMP)  ## test with the oldest versions that pyproject.toml allows
	@$(RUN) nox --session floors

newest: $(STAMP)  ## test with the newest versions, pinned or not
	@$(RUN) nox --session newest

pythons: $(STAMP)  ## test with every Python that is supported, and found here or fetched by uv
	@PYENV_VERSION="$$(pyenv versions --bare 2>/dev/null | grep '^3' | paste -sd:)" $(RUN) nox --session pythons --no-error-on-missing-interpreters

nbgrader: $(STAMP)  ## hand out and grade the exercise with nbgrader
	@$(RUN) nox --session nbgrader

bench: $(STAMP)  ## measure speed and memory
	@set -e; for script in bench/*.py; do echo "== $$script"; $(VENV)/bin/python $$script; done

faults: $(STAMP)  ## kill runs, cut the power, damage files, fill disks, run in crowds
	@set -e; for script in killer powercut crowd fuzzer hostile disks; do echo "== $$script"; $(VENV)/bin/python tests/$$script.py; done

check: $(STAMP)  ## lint, compare the format, check types, look for misspelt words
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(VENV)/bin/codespell
	@$(VENV)/bin/ty check --quiet
	@if command -v npm >/dev/null; then npm install --silent && npm run --silent check; \
	elif [ "$$DARKCAL_NO_SKIP" = 1 ]; then echo "npm is not installed; Debian: apt install npm" >&2; exit 1; \
	else echo "npm is not installed, so the panel's JavaScript is not checked; Debian: apt install npm"; fi

format: $(STAMP)  ## format the code, and mend what ruff can mend by itself
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

docs: $(STAMP)  ## build the documentation: docs/build/html/index.html
	@$(RUN) sphinx --fail-on-warning --keep-going --quiet docs docs/build/html
	@echo "The documentation is in docs/build/html/index.html"

clean:  ## remove what can be made again: the environment and caches, never demo/
	rm -rf $(VENV) build docs/build dist .nox bench-results node_modules .pytest_cache .ruff_cache .hypothesis
	find darkcal_widgets tests -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): Makefile pyproject.toml constraints.txt
	@$(VENV)/bin/python -c '$(USABLE)' 2>/dev/null || { $(MAKE_VENV); }
	@echo "Installing darkcal and what it needs into $(VENV) ..."
	@$(RUN) pip install --quiet --disable-pip-version-check 'pip>=25.1'  # the first to know dependency groups
	@$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dask,lab]' --group dev
	@echo "$(CURDIR)" > $@

define MAKE_VENV
for python in $(PYTHON) python3.13 python3.12 python3.11; do \
    $$python -c '$(GOOD)' 2>/dev/null && found=$$python && break; \
done; \
if [ -z "$$found" ]; then \
    echo "darkcal needs Python 3.11 or newer with its venv module; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
    echo "On Debian and Ubuntu: apt install python3-venv. Or name another: make PYTHON=/path/to/python3" >&2; \
    exit 1; \
fi; \
echo "Making $(VENV) with $$($$found --version) ..."; \
$$found -m venv --clear $(VENV)
endef
