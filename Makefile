# What can be done here: `make help`.
# One venv, two stamps: `run` holds what a user needs (fast to install), `tools` adds what only tests and lint need.

# The distribution's own Python where it can make a venv: it is built with profile-guided optimisation, and
# compiles Ansible's modules, which every task does anew, in half the time of one that pyenv built as usual.
PYTHON ?= $(shell for p in /usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13 \
	python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The folder that holds ansible_collections/incomex/closeout. The test of the type check points it at a copy.
COLLECTIONS ?= $(CURDIR)/$(VENV)/collections
# A worker for each core (pytest-xdist); a file's tests stay together, and the drills, which take longest, are begun first.
# Without root, or where a Docker daemon answers that is not the tests' own, there are no workers (tests/conftest.py).
WORKERS ?= -n auto --dist loadfile --no-loadscope-reorder
DOCS ?= output/docs
# They ask ansible-doc, which they look for on PATH.
ANTSIBULL = PATH=$(BIN):$$PATH ANSIBLE_COLLECTIONS_PATH=$(COLLECTIONS) antsibull-
YAML := $(wildcard galaxy.yml .yamllint .ansible-lint .config meta roles playbooks examples molecule changelogs .github)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv packages test unit integration sanity drills bench lint ruff mypy mypy-plugins yamllint ansible-lint antsibull \
	docs demo example clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '  %-14s%s\n' "$$t" "$$d"; done

venv: $(VENV)/.tools  ## .venv with everything; the collection importable from any folder

packages:  ## Debian's packages that tests need, at once; without it each is installed when a test first wants it
	$(PYTHON) -m tests.support.debian

test: $(VENV)/.tools  ## all tests, a worker for each core; ARGS=path: only those, WORKERS=-n0: one by one
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

unit: $(VENV)/.tools  ## unit tests only (no server is started)
	$(BIN)/python -m pytest tests/unit $(ARGS)

integration: $(VENV)/.tools  ## tests against real servers (CLOSEOUT_DOCKER=skip: without containers)
	$(BIN)/python -m pytest $(WORKERS) tests/integration $(ARGS)

sanity: $(VENV)/.tools  ## all of ansible-test's sanity tests (minutes); ARGS='--test pep8': only those
	$(BIN)/python -m tests.support.ansible_test sanity --python default $(ARGS)

drills: $(VENV)/.tools  ## mutants must be killed, faults do no harm; writes docs/drills.md and docs/faults.md, prints them
	CLOSEOUT_DRILLS=write $(BIN)/python -m pytest tests/drills $(ARGS)
	@sed -n '/^## Mutants/,$$p' docs/drills.md
	@sed -n '/^| fault /,$$p' docs/faults.md
	@sed -n 's/^\*\*\(.*false alarms\)\.\*\*.*/\1/p' docs/drills.md
	@sed -n 's/^\*\*\(.* came to what they must\)\.\*\*.*/\1/p' docs/faults.md

bench: $(VENV)/.tools  ## ours beside pg_dump, psql and others; writes docs/benchmarks.md (ARGS=--quick: small, and nothing)
	$(BIN)/python -m tests.bench $(ARGS)

lint: ruff mypy yamllint ansible-lint antsibull  ## all five

ruff: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy: mypy-plugins
	$(BIN)/mypy tests

mypy-plugins: $(VENV)/.tools
	MYPYPATH=$(COLLECTIONS) $(BIN)/mypy --namespace-packages --explicit-package-bases \
		-p ansible_collections.incomex.closeout.plugins

yamllint: $(VENV)/.tools
	$(BIN)/yamllint --strict $(YAML)

# ansible-lint looks for ansible-playbook and the others on PATH.
ansible-lint: $(VENV)/.tools
	PATH=$(BIN):$$PATH ANSIBLE_COLLECTIONS_PATH=$(COLLECTIONS) $(BIN)/ansible-lint --nocolor --offline --strict

# Both want to stand where a collection lies.
antsibull: $(VENV)/.tools
	cd $(COLLECTIONS)/ansible_collections/incomex/closeout && $(ANTSIBULL)changelog lint && \
	$(ANTSIBULL)docs lint-collection-docs --plugin-docs --skip-rstcheck --check-extra-docs-refs \
		--validate-collection-refs=all --disallow-unknown-collection-refs .

docs: $(VENV)/.tools  ## the reference of modules, filters and roles, as HTML in output/docs (DOCS=DIR: there)
	rm -rf $(DOCS) && mkdir -p $(DOCS)/rst
	$(ANTSIBULL)docs collection --use-current --fail-on-error --squash-hierarchy --no-add-antsibull-docs-version \
		--dest-dir $(DOCS)/rst incomex.closeout
	$(BIN)/sphinx-build -q -W --keep-going -c docs/docsite -d $(DOCS)/doctrees $(DOCS)/rst $(DOCS)/html
	@echo "$(DOCS)/html/index.html"

demo: $(VENV)/.run  ## a closeout of an embedded production server, without Docker
	$(BIN)/python examples/demo/run $(ARGS)

example: $(VENV)/.run  ## docs/example made anew: the record of the last of six closeouts; ARGS=--output=DIR: where they go
	$(BIN)/python examples/demo/run --runs 6 --example docs/example $(ARGS)

clean:  ## remove .venv, the caches and what a run wrote
	rm -rf $(VENV) .cache output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Python's own folder name (lib/python3.11) is known only once the venv is there: hence the shell.
$(VENV)/.run: requirements.txt tests/requirements-demo.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r tests/requirements-demo.txt
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	mkdir -p $$site/ansible_collections/incomex $(VENV)/collections && \
	ln -sfn "$(CURDIR)" $$site/ansible_collections/incomex/closeout && \
	ln -sfn $$site/ansible_collections $(VENV)/collections/ansible_collections
	touch $@

# By the newest pip: that of Python 3.11 needs twenty seconds more to settle the versions. Most of it is never imported,
# and need not be compiled; what a user needs is, for whoever runs it may not write here.
$(VENV)/.tools: $(VENV)/.run tests/requirements.txt
	$(PIP_INSTALL) --no-compile --upgrade pip
	$(PIP_INSTALL) --no-compile -r tests/requirements.txt
	touch $@
