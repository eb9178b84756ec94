# The commands of this checkout. `make` alone lists them.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

export PYTHON INSTALL
READY := deploy/local/bootstrap.sh
VENV := .venv/bin
ANY_PYTHON = $(or $(wildcard $(VENV)/python),$(PYTHON),python3)

# The programs that write committed files; each takes --check.
GENERATORS := $(subst /,.,$(basename $(wildcard $(addsuffix /generate.py,schemas deploy/* benchmarks/* tests/chaos))))
SOURCES := schemas realization presentation services sdk deploy samples

# The tests that start no broker, database or browser, and those of pages. `make test` runs these and all others.
QUICK := tests/unit tests/rules
BROWSER := tests/browser
# The number of test processes, each with a broker, a database server and a browser of its own; a file's tests stay
# together, in the order of pyproject.toml. ARGS="-n0" or "-p no:xdist": one process.
WORKERS ?= 2
PYTEST = $(VENV)/python -m pytest $(if $(findstring no:xdist,$(ARGS)),,-n $(WORKERS) --dist loadfile --no-loadscope-reorder)
COMPILE = UV_PYTHON_DOWNLOADS=never $(VENV)/uv --quiet pip compile --python $(VENV)/python $(if $(UPGRADE),--upgrade) \
	--generate-hashes --no-emit-index-url --universal --custom-compile-command "make lock"
NOT_OURS := --no-emit-package pantau

.PHONY: help
help: ## list the commands
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
doctor: ## show what is missing or wrong here, and how to fix it
	@INSTALL=no $(READY) run
	@$(VENV)/pantau doctor

.PHONY: test
test: ## run all tests, with real parts; ARGS="..." goes to pytest
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(PYTEST) $(ARGS)

.PHONY: quick
quick: ## run the tests that start no other programs, in a minute; ARGS="..." goes to pytest
	@$(READY) test
	@$(PYTEST) $(QUICK) $(ARGS)

.PHONY: browser
browser: ## run all tests of pages, in a real browser; ARGS="..." goes to pytest
	@$(READY) test
	@$(PYTEST) $(BROWSER) $(ARGS)

.PHONY: pictures
pictures: ## make the pictures of pages in docs/pictures anew, from the sample city
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m tests.browser.pictures

.PHONY: chaos
chaos: ## play seeded runs under faults and compare all with the oracle; ARGS="--help" says how
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m tests.chaos $(ARGS)

.PHONY: bench
bench: ## measure, compared with Kafka Streams and Faust; ARGS="--help" says how
	@$(READY) test
	@$(VENV)/python -m deploy.local.jars
	@$(VENV)/python -m benchmarks $(ARGS)

.PHONY: check
check: ## format, lint, types, import rules, dead code, generated files, licences: starts no other programs
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
	@$(VENV)/python -m samples.generate

.PHONY: lock
lock: ## write requirements/*.txt from pyproject.toml; UPGRADE=1 takes newer versions
	@$(READY) test
	@$(COMPILE) pyproject.toml $(NOT_OURS) -o requirements/run.txt
	@$(COMPILE) requirements/build.in -c requirements/run.txt -o requirements/build.txt
	@$(COMPILE) pyproject.toml $(NOT_OURS) --group test -c requirements/run.txt -c requirements/build.txt -o requirements/test.txt
	@if grep -n '://' requirements/*.txt; then echo 'A lock must not name a host.'; exit 1; fi
