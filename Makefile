# One verb per task. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= $(shell for v in python3.12 python3.11 python3; do command -v $$v >/dev/null 2>&1 && $$v -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$v && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "chorus: Python 3.11 or 3.12 is needed, and none is on the PATH (PYTHON=/path/to/python chooses one)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Files whose hashes are not in the requirements are refused. `make WHEELS=` builds what has no wheel.
WHEELS ?= --only-binary :all:
PINNED := $(PIP) --require-hashes $(WHEELS)

$(VENV)/.installed: requirements.txt requirements-torch.txt requirements-mlserver.txt requirements-ui.txt requirements-build.txt pyproject.toml | $(BIN)/python
	@echo "chorus: setting up $(VENV); this takes a minute or two, once"
	$(PINNED) -r requirements.txt -r requirements-build.txt
	$(PIP) -r requirements-torch.txt
	$(PINNED) --no-deps -r requirements-mlserver.txt -r requirements-ui.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "chorus: $(VENV) is ready"

$(VENV)/.installed-dev: requirements-dev.txt requirements-mlflow.txt $(VENV)/.installed
	$(PINNED) -r requirements.txt -r requirements-build.txt -r requirements-mlflow.txt -r requirements-dev.txt
	@touch $@

install: $(VENV)/.installed ## set up .venv with all that serving needs

run: install ## set up and serve the models: page on :7860, gateway on :8000, V2 on :8080 and :8081
	@CHORUS_UI=$${CHORUS_UI:-true} exec $(BIN)/chorus serve $(ARGS)

test: check ## every quick test (what CI runs)
	$(BIN)/python -m pytest -m "not slow and not cluster" --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(VENV)/.installed-dev ## the tests that take minutes
	$(BIN)/python -m pytest -m "slow and not interop and not cluster" $(ARGS)

test-interop: $(VENV)/.installed-dev ## with programs of others, which it installs in .peers: minutes
	$(BIN)/python -m pytest -m interop $(ARGS)

test-cluster: $(VENV)/.installed-dev ## in real containers, which needs root and Debian's packages: minutes
	tests/packages.sh test-cluster buildah podman runc netavark aardvark-dns catatonit iptables \
		mmdebstrap nginx-light prometheus
	$(BIN)/python -m pytest -m cluster $(ARGS)

tour: $(VENV)/.installed-dev ## follow the README on an empty machine, with its seconds; ARGS=--write
	tests/packages.sh tour podman runc netavark mmdebstrap chromium
	$(BIN)/python -m tests.tour $(ARGS)

soak: $(VENV)/.installed-dev ## an hour of load, good and bad, that nothing may grow under; ARGS="--minutes 5", ARGS=--help
	@exec $(BIN)/python -m tests.soak $(ARGS)

check: $(VENV)/.installed-dev ## format, lint, types, import arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-dev ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev ## write the requirements files anew; ARGS=--upgrade, ARGS="--upgrade-package NAME"
	$(BIN)/python -m supply_chain.lock $(ARGS)

audit: $(VENV)/.installed-dev ## ask for published holes in what is pinned; ARGS="--service pypi", ARGS=--help
	$(BIN)/python -m supply_chain.audit $(ARGS)

sbom: $(VENV)/.installed-dev ## write the bill of materials, CycloneDX in dist/
	$(BIN)/python -m supply_chain.sbom

image: ## build the container images; ARGS=gateway, ARGS="--torch-index URL", ARGS=--help
	@exec $(PYTHON) -m supply_chain.images $(ARGS)

bench: $(VENV)/.installed-dev ## a benchmark: ARGS="peers …", ARGS=--help; alone, what serving costs
	$(BIN)/python -m benchmarks $(or $(ARGS),overhead)

train-standins: $(VENV)/.installed ## train the small models that ship in models/*/standin again
	$(BIN)/python -m chorus.standins $(ARGS)

pictures: $(VENV)/.installed-dev ## take the README's pictures of the page anew
	tests/packages.sh pictures chromium fonts-noto-core fonts-noto-color-emoji fonts-droid-fallback
	$(BIN)/python -m tests.browser.pictures

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) .peers .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help install run test test-slow test-interop test-cluster tour soak check format lock audit sbom image bench train-standins pictures clean
