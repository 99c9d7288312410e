# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(CURDIR)/.cache
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
COLLECTIONS := $(CACHE)/collections
SELF := $(COLLECTIONS)/ansible_collections/berthage/swarm
READY := $(VENV)/.ready

export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export PYTHONPATH := $(CURDIR)/molecule/shared

# One scenario (make test SCENARIO=glusterfs) instead of the whole gate.
SCENARIO ?=
# Given by test-all.
LONG :=

.PHONY: help
help: ## Show what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: demo
demo: $(READY) ## Build a lab of three hosts, provision it with playbooks/site.yml, and prove it
	@tests/tools/demo.sh

.PHONY: test
ifeq ($(SCENARIO),)
test: $(READY) ## The gate; with SCENARIO=name only that scenario
# What the scenarios' hosts start from takes minutes, and is made beside the checks that need no hosts.
	@mkdir -p $(CACHE)/log
	@python tests/tools/images.py $(LONG) > $(CACHE)/log/images.log 2>&1 & images=$$!; \
	trap 'kill $$images 2>/dev/null || true' EXIT; \
	$(MAKE) --no-print-directory lint mypy sanity unit lab scenarios LONG=$(LONG)
else
test: scenarios
endif

.PHONY: test-all
test-all: LONG := --long
test-all: test bench ## The gate and what is long

.PHONY: lint
lint: $(READY) ## ruff, yamllint, ansible-lint, argument specs against defaults
	ruff check .
	ruff format --check .
	yamllint --strict .
	python tests/lint/argument_specs.py
	ansible-lint --offline --profile production

.PHONY: mypy
mypy: $(READY) ## Static types of plugins, lab and tools
	tests/tools/mypy.sh

.PHONY: sanity
sanity: $(READY) ## ansible-test sanity on what the archive ships
	tests/tools/sanity.sh

.PHONY: unit
unit: $(READY) ## Unit tests of the pure logic
	cd $(SELF) && python -m pytest tests/unit

.PHONY: lab
lab: $(READY) ## That the lab's hosts come up, and leave nothing behind
	python -m pytest tests/lab

.PHONY: scenarios
scenarios: $(READY)
	python tests/tools/scenarios.py $(LONG) $(SCENARIO)

.PHONY: images
images: $(READY) ## What the scenarios' hosts start from, made ahead of them
	python tests/tools/images.py $(LONG) $(SCENARIO)

.PHONY: bench
bench: $(READY) ## Speed, side by side with the peers and with stock settings
	python tests/bench/volumes.py
	python tests/bench/networks.py
	python tests/bench/unchanged_site.py
	python tests/bench/storage.py

.PHONY: lab-down
lab-down: ## Remove every container, process, bridge and firewall rule of the lab
	@python3 -m lab down

$(READY): tests/requirements.txt tests/tools/make_venv.sh
	@tests/tools/make_venv.sh $(VENV) tests/requirements.txt
	@mkdir -p $(dir $(SELF))
	@ln -sfn $(CURDIR) $(SELF)
	@touch $@
