# The lab's targets, for the main Makefile: `include tests/lab/lab.mk`. TOPOLOGY names a directory below inventories/lab.
TOPOLOGY ?= stacked_ha
PYTHON ?= python3
LAB ?= $(PYTHON) tests/lab/lab.py

.PHONY: lab-build lab-up lab-down
lab-build: ## Build what the lab's nodes need (once; kept in the cache)
	$(LAB) build

lab-up: ## Start the nodes of TOPOLOGY
	$(LAB) up inventories/lab/$(TOPOLOGY)

lab-down: ## Remove every node and network of the lab
	$(LAB) down --all
