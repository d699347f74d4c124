# Everything a developer or CI runs. `make help` lists it. What the targets need is installed into the project's own
# folders: .venv, .venv-next and .tools. Nothing is run twice: stamp files remember what was made from which lock.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.ONESHELL:

JOBS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
NEXT_SEEDS ?= 0:100
DENY_VERSION := 0.20.2

PYTHON := .venv/bin/python
NEXT := .venv-next/bin/python
# The public test-suite of the storage backends.
CONTRACT := --features annstream-store/contract
NEXT_TESTS := $(addprefix tests/parity/test_,readback.py refusals.py harness.py concat_random.py plots.py score_genes.py \
    downsample.py pipeline.py::test_tutorial pipeline.py::test_steps_one_by_one)
NEXT_PACKAGE := $(addprefix tests/python/test_,indexing.py compat_faults.py compat_files.py scanpy.py::test_plots \
    files.py::test_reading_and_writing_changes_nothing files.py::test_what_was_changed_is_written pp.py::test_scale)
SOURCES := tests demo bench tools crates/python/python
# Where tests import the package from, with the library that `test-binary` builds.
PACKAGE := crates/python/python
# Outputs are synced, which takes long on some disks: the files of most tests go to memory, where there are 4 GB of it.
MEMORY := $(shell [ -w /dev/shm ] && df --output=avail --block-size=1G /dev/shm | awk 'END { if ($$1 >= 4) print "/dev/shm" }')
IN_MEMORY := $(addprefix PYTEST_DEBUG_TEMPROOT=,$(MEMORY))
PYTEST := -m pytest -n $(JOBS) -q -o tmp_path_retention_policy=failed
# Each worker has a core, and the libraries that we compare with one thread.
ALONE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# A worker takes tests that stand together, which share what they compare with.
TOGETHER := --dist worksteal
# What tests of the binary and of the package build: with the features and examples of test-rust.
TESTED := --workspace --lib --bins --examples $(CONTRACT) --locked
# libhdf5 is built with CMake, which comes from the virtual environment.
CARGO := PATH="$(CURDIR)/.venv/bin:$$PATH" cargo

.PHONY: help build demo docs ready test test-rust test-binary test-python test-package test-wheel test-next python python-dev lint lint-rust lint-python deny bench \
        python-env python-env-next third-party clean rust-setup

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

# ---------------------------------------------------------------------------------------------------- what is needed

python-env: .venv/stamp ## the Python environment .venv from tests/requirements.lock

.venv/stamp: tests/requirements.lock
	@python="$$(bash tools/setup.sh python)"
	echo "making .venv with $$python"
	rm -rf .venv
	"$$python" -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements.lock
	touch $@

# The newest anndata, where there is a Python for it; else an empty folder with the stamp.
python-env-next: .venv-next/stamp ## a second environment with the newest anndata, if Python >= 3.12 is here

.venv-next/stamp: tests/requirements-next.lock
	@python="$$(bash tools/setup.sh next)"
	rm -rf .venv-next
	mkdir .venv-next
	if [ -n "$$python" ]; then
	    echo "making .venv-next with $$python"
	    "$$python" -m venv .venv-next
	    .venv-next/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements-next.lock
	fi
	touch $@

# The documentation is made without the package: docstrings are read, not imported.
.venv-docs/stamp: docs/requirements.lock
	@python="$$(bash tools/setup.sh python)"
	rm -rf .venv-docs
	"$$python" -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check --no-deps -r docs/requirements.lock
	touch $@

rust-setup:
	@bash tools/setup.sh rust

# A debug build of the tool is fast enough, and takes a minute or two instead of five; less still without debug info.
.tools/stamp-deny-$(DENY_VERSION): | rust-setup
	CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --locked --quiet --debug --no-default-features --version $(DENY_VERSION) --root .tools
	touch $@

# Most of this is waiting for the network. What may be installed on the machine is, before anything runs beside it.
ready: ## fetch and install at the same time whatever the tests need
	@bash tools/setup.sh rust
	bash tools/setup.sh python >/dev/null
	running=()
	for part in .venv/stamp .venv-next/stamp .tools/stamp-deny-$(DENY_VERSION); do
	    "$(MAKE_COMMAND)" --silent --no-print-directory "$$part" &
	    running+=($$!)
	done
	bash tools/setup.sh browser &
	running+=($$!)
	failed=
	for job in "$${running[@]}"; do wait "$$job" || failed=yes; done
	[ -z "$$failed" ]

# ---------------------------------------------------------------------------------------------------------- products

build: .venv/stamp rust-setup ## the release binary target/release/annstream
	$(CARGO) build --release --workspace --locked

python: .venv/stamp rust-setup ## the wheel of the Python package, in target/wheels
	cd crates/python && PATH="$(CURDIR)/.venv/bin:$$PATH" maturin build --release --locked

python-dev: test-binary ## the Python package with a quickly built library: PYTHONPATH=crates/python/python

demo: build ## merge two small real files and look at the result
	ANNSTREAM_BIN=target/release/annstream PYTHON=$(PYTHON) bash demo/run.sh

bench: build python ## measure against anndata on the same files (BENCH_ARGS="--quick" for a fast look)
	rm -rf build/bench-package
	$(PYTHON) -m pip install --quiet --no-deps --target build/bench-package "$$(ls -t target/wheels/annstream-*.whl | head -n 1)"
	$(CARGO) build --release --locked -p annstream-core --example read_x
	ANNSTREAM_BIN=target/release/annstream $(PYTHON) bench/run.py $(BENCH_ARGS)

docs: .venv-docs/stamp ## the documentation site, in target/site; all warnings are errors
	.venv-docs/bin/mkdocs build --quiet --strict

third-party: .venv/stamp rust-setup ## write THIRD-PARTY.md anew
	$(PYTHON) tools/third_party.py

# ------------------------------------------------------------------------------------------------------------- tests

test: ready lint deny test-rust test-python test-package test-next ## everything that CI runs

lint: lint-rust lint-python ## formatting, clippy, documentation, ruff; all warnings are errors

lint-rust: .venv/stamp rust-setup
	cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(CONTRACT) --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace $(CONTRACT) --no-deps --locked --quiet

lint-python: .venv/stamp
	.venv/bin/ruff check --quiet $(SOURCES)
	.venv/bin/ruff format --check --quiet $(SOURCES)
	$(PYTHON) tools/third_party.py --check

deny: .tools/stamp-deny-$(DENY_VERSION) ## licences, sources and duplicate versions of what we depend on
	.tools/bin/cargo-deny --locked check bans licenses sources

test-rust: .venv/stamp rust-setup ## unit, property and documentation tests
	$(addprefix TMPDIR=,$(MEMORY)) $(CARGO) test --workspace $(CONTRACT) --locked

# After test-rust all but the program itself is there.
test-binary: .venv/stamp rust-setup
	@$(CARGO) build $(TESTED)
	ln -sf "$(CURDIR)/target/debug/lib_annstream.so" $(PACKAGE)/annstream/_annstream.abi3.so

test-python: test-binary ## the binary against anndata, and against bad inputs, disks and users
	export ANNSTREAM_BIN="$(CURDIR)/target/debug/annstream"
	export ANNSTREAM_HVG="$(CURDIR)/target/debug/examples/hvg_from_stats"
	$(IN_MEMORY) $(ALONE) $(PYTHON) $(PYTEST) tests/parity $(TOGETHER) $(PYTEST_ARGS)
	bash tools/setup.sh browser
	$(PYTHON) $(PYTEST) tests/behaviour --dist loadfile $(PYTEST_ARGS)

test-package: test-binary ## the Python package against anndata and scanpy
	PYTHONPATH=$(PACKAGE) $(IN_MEMORY) $(ALONE) $(PYTHON) $(PYTEST) tests/python $(TOGETHER) $(PYTEST_ARGS)

test-wheel: test-binary ## the README's Python with a wheel of that library, in a fresh environment
	PATH="$(CURDIR)/.venv/bin:$$PATH" CARGO_BUILD="$(TESTED)" bash tools/test_wheel.sh build/test-wheel

test-next: test-binary .venv-next/stamp ## binary and package against the newest anndata and scanpy: their files read by us, and ours by them
	@if [ -x $(NEXT) ]; then
	    export ANNSTREAM_BIN="$(CURDIR)/target/debug/annstream" ANNSTREAM_SEEDS="$${ANNSTREAM_SEEDS:-$(NEXT_SEEDS)}"
	    $(IN_MEMORY) $(ALONE) $(NEXT) $(PYTEST) $(NEXT_TESTS) $(TOGETHER) $(PYTEST_ARGS)
	    PYTHONPATH=$(PACKAGE) $(IN_MEMORY) $(ALONE) $(NEXT) $(PYTEST) $(NEXT_PACKAGE) $(TOGETHER) $(PYTEST_ARGS)
	else
	    echo "test-next: skipped, no Python 3.12 or newer here"
	fi

clean: ## remove everything made here
	rm -rf target build .venv .venv-next .venv-docs .tools .pytest_cache .ruff_cache .hypothesis
