# Targets a person needs: lab, lab-down, test, test-vm, molecule SCENARIO=, bench, scale, docs. The others are their parts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOPOLOGY ?= stacked_ha
SCENARIO ?= stacked_ha
# The distribution's own first: others are often built without optimisation, and Ansible then takes a quarter longer.
PYTHON ?= $(shell for python in /usr/bin/python3 /usr/bin/python3.11 python3.11 python3; do \
  "$$python" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && command -v "$$python" && break; done)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
COLLECTION := .build/collections/ansible_collections/baremetal/kubernetes
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

include tests/lab/lab.mk

# A target of its own, since PYTHON is looked for again between one target's commands and the next's.
venv-package:
	@if [ ! -e $(VENV)/ready ] && [ -z "$(PYTHON)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing python3-venv" && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null; fi

$(VENV)/ready: tests/requirements.txt | venv-package
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11, 3.12 or 3.13 with venv was found. Debian and Ubuntu: apt-get install python3-venv." \
	  "Others: name one, as in make PYTHON=/usr/local/bin/python3.12 lab" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement tests/requirements.txt
	touch $@

$(COLLECTION):
	mkdir -p $(dir $@)
	ln -sfn ../../../.. $@

setup: $(VENV)/ready $(COLLECTION)  ## Make the virtual environment and the collection path

lab: setup lab-build  ## Build a cluster in containers: TOPOLOGY=stacked_ha (default) or single
	$(BIN)/python tests/lab/lab.py up inventories/lab/$(TOPOLOGY)
	$(BIN)/ansible-playbook --inventory inventories/lab/$(TOPOLOGY) playbooks/$(TOPOLOGY).yml
	@$(BIN)/python tests/lab/lab.py reach inventories/lab/$(TOPOLOGY)

test: setup  ## Run every check and the scenarios that fit into the hour
	tests/run

lint: setup  ## Check style, types, playbooks and documentation
	tests/lint

# One process more than processors, since many tests wait for a real program. tests/unit/conftest.py says which files begin.
unit: setup  ## Run the unit tests
	$(BIN)/python -m pytest --numprocesses $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder tests/unit

# Hours on two cores: each parser gets 10,000 damaged texts, each module a thousand calls. FUZZ="-k etcd" chooses.
fuzz: setup  ## Try every parser and module with 10,000 damaged inputs
	$(BIN)/python -m pytest --hypothesis-profile=thorough --numprocesses $$(nproc) $(FUZZ) tests/unit/fuzz

matrix: setup  ## Run the unit tests of what ansible-core runs with the older releases, 2.17 and 2.18
	PYTHON=$(BIN)/python tests/matrix

galaxy: setup  ## Build the collection, install it from the tarball and from git, and use it from there
	tests/galaxy

sanity: setup  ## Run ansible-test's sanity checks
	tests/sanity

# By its file and not by --scenario-name, which looks for a scenario `default`, too, and complains that there is none.
molecule: setup lab-build  ## Run one scenario: SCENARIO=stacked_ha
	MOLECULE_GLOB=molecule/$(SCENARIO)/molecule.yml $(BIN)/molecule test

test-vm: setup lab-build  ## Test real LVS in virtual machines (qemu; software emulation will do)
	tests/vm/run

bench: setup lab-build  ## Compare a fresh stacked_ha with a plain script doing the same work
	$(BIN)/python tests/bench/bench.py $(BENCH)

# Some 25 minutes of processor time. tests/clean_room says how it is told your network's mirrors and certificates.
clean-room:  ## Try `make lab` in a container that has only git, Python and make
	tests/clean_room

# Some 25 minutes of processor time, most of them for 300 and 1,000 hosts: SCALE="--most 100" leaves these out.
scale: setup  ## Count what the controller has to do for 1 to 1,000 simulated hosts
	$(BIN)/python tests/bench/scale.py $(SCALE)

docs: setup  ## Build the site out of docs/ and of every module and role into .build/docs/html
	tests/docs

.PHONY: help venv-package setup lab test lint unit fuzz matrix galaxy sanity molecule test-vm bench clean-room scale docs
