# Everything there is to do in this checkout. `make` alone lists it.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

export PYTHON INSTALL
READY := deploy/local/bootstrap.sh
VENV := .venv/bin
ANY_PYTHON = $(or $(wildcard $(VENV)/python),$(PYTHON),python3)

# Every program that writes files which are checked in; each knows --check.
GENERATORS := $(subst /,.,$(basename $(wildcard $(addsuffix /generate.py,schemas deploy/* benchmarks/* tests/chaos))))
SOURCES := schemas realization services sdk deploy samples
COMPILE = UV_PYTHON_DOWNLOADS=never $(VENV)/uv --quiet pip compile --python $(VENV)/python $(if $(UPGRADE),--upgrade) \
	--generate-hashes --no-emit-index-url --universal --custom-compile-command "make lock"

.PHONY: help
help: ## list what there is to do
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

.PHONY: run
run: ## start everything on this machine, with a sample city; Ctrl-C stops it
	@$(READY) run
	@$(VENV)/python -m deploy.local.jars
	@exec $(VENV)/python -m deploy.local.run

.PHONY: stop
stop: ## stop what `make run` started, from elsewhere
	@$(ANY_PYTHON) -m deploy.local.stop

.PHONY: reset
reset: ## throw away all local state (data, keys, logs); refuses while it runs
	@$(ANY_PYTHON) -m deploy.local.reset

.PHONY: doctor
doctor: ## say what is missing or wrong here, and how to mend it
	@INSTALL=no $(READY) run
	@$(VENV)/pantau doctor

.PHONY: test
test: ## run all tests, with real parts; ARGS="..." goes to pytest
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m pytest $(ARGS)

.PHONY: chaos
chaos: ## play seeded runs under faults and compare all with the oracle; ARGS="--help" says how
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m tests.chaos $(ARGS)

.PHONY: bench
bench: ## measure, beside others that do the same job; ARGS="--help" says how
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m benchmarks $(ARGS)

.PHONY: check
check: ## what needs no running parts: format, lint, types, import rules, dead code, generated files
	@$(READY) test
	$(VENV)/ruff format --check --quiet .
	$(VENV)/ruff check --quiet .
	$(VENV)/python -m mypy
	$(VENV)/python -m pytest --quiet tests/rules
	@set -e; for each in $(GENERATORS); do echo "$(VENV)/python -m $$each --check"; $(VENV)/python -m $$each --check; done

.PHONY: generate
generate: ## write the files that are generated from code
	@$(READY) test
	@set -e; for each in $(GENERATORS); do $(VENV)/python -m $$each; done

.PHONY: sample
sample: ## make the sample city anew
	@$(READY) run
	@$(VENV)/python -m samples.make

.PHONY: lock
lock: ## write requirements/*.txt from pyproject.toml; UPGRADE=1 takes newer versions
	@$(READY) test
	@$(COMPILE) requirements/uv.in -o requirements/uv.txt
	@$(COMPILE) pyproject.toml -o requirements/run.txt
	@$(COMPILE) pyproject.toml --group test -c requirements/run.txt -o requirements/test.txt
	@$(COMPILE) pyproject.toml --group bench -o requirements/bench.txt
	@if grep -n '://' requirements/*.txt; then echo 'A lock must not name a host.'; exit 1; fi
