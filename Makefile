# Everything a newcomer needs: `make run`, then `make test`. All of it lives in .venv and results/;
# no target changes the system. Needs make, git and Python 3.11 or 3.12 with pip.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-services bench-node bench-sim lock clean install dev manifests image-ref publish-config

# The first Python that really starts and has the right version; PYTHON=... overrides the search.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; \
	then command -v $$p; break; fi; done)
BIN := .venv/bin
ARGS ?=

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */  make \1|/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	|| sed -n 's/^\([a-z-]*\):.*## */  make \1: /p' $(MAKEFILE_LIST)

run: install  ## bring up the local environment, run the integration suite, say where the report is (ARGS=...)
	@$(BIN)/alys test integration $(ARGS)

# Whoever names tests wants these alone, and soon.
test: dev $(if $(ARGS),,check)  ## `make check`, the project's own tests, the list of proofs run and skipped (ARGS="-k name": these tests alone)
	@$(BIN)/python -m pytest $(ARGS)

check: dev  ## lint, format, types, import contracts, house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tools/tidy.py

bench: python-found  ## measure the actor runtime beside its peers, into benchmarks/ (ARGS="--quick")
	@$(PYTHON) tools/bootstrap.py bench
	@$(BIN)/python -m benchmarks.run $(ARGS)

bench-services: dev  ## measure the services beside bitcoind and ethereumjs, into benchmarks/SERVICES.md (ARGS="--quick")
	@$(BIN)/python -m benchmarks.services.run $(ARGS)

bench-node: dev  ## measure the node beside the targets of its design, into benchmarks/RESULTS.md (ARGS="--quick")
	@$(BIN)/python -m benchmarks.node.run $(ARGS)

bench-sim: dev  ## measure the simulation beside its goals, into benchmarks/RESULTS.md (ARGS="--quick")
	@$(BIN)/python -m benchmarks.simulation $(ARGS)

manifests: dev  ## fill in what is made by program in k8s/, and derive k8s-small/
	@$(BIN)/python tools/generate_manifests.py

image-ref: python-found  ## name another image in all manifests (IMAGE=your-registry/alys-v2-test-runner:tag)
	@$(PYTHON) tools/set_image.py $(IMAGE)

publish-config: dev  ## bring an edited k8s/test-config.toml into the cluster (K8S=k8s-small for the small one)
	@$(BIN)/python tools/publish_config.py $(K8S)

install: python-found  ## fill .venv with what `make run` needs
	@$(PYTHON) tools/bootstrap.py run

dev: python-found  ## fill .venv with what `make test` and `make check` need
	@$(PYTHON) tools/bootstrap.py dev

.PHONY: python-found
python-found:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found; install one, or say make PYTHON=/path/to/python3.12" >&2; exit 3; }

# Compiles requirements/*.in anew. UPGRADE=--upgrade takes the newest versions, otherwise pins are kept.
UPGRADE ?=
COMPILE = cd requirements && UV_CUSTOM_COMPILE_COMMAND="make lock" ../$(BIN)/uv pip compile --quiet --universal \
	--generate-hashes --no-emit-index-url --python-version 3.11 $(UPGRADE)
lock: dev  ## resolve requirements/*.in into the locks (UPGRADE=--upgrade for newer versions)
	@$(COMPILE) -o bootstrap.lock bootstrap.in
	@$(COMPILE) -o run.lock run.in
	@$(COMPILE) -o dev.lock dev.in
	@$(COMPILE) -o bench.lock bench.in
	@$(COMPILE) -o scan.lock scan.in

clean:  ## remove .venv, caches and results
	rm -rf .venv results build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
