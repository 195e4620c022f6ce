# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JARS := deploy/java/lib
.PHONY: help setup demo test lint types imports unit stack-test long-test benchmark lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 14

setup: $(VENV)/.installed $(JARS)/.installed ## install all that the other commands need, into this folder

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is missing or older than 3.11: install one, or name it: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(JARS)/.installed: deploy/java/pom.xml
	@command -v mvn >/dev/null || { echo "Maven is missing: install it, such as by: apt-get install maven" >&2; exit 1; }
	rm -rf $(JARS)
	cd deploy/java && for profile in kafka converter archives; do \
		mvn -q -B -ntp -P $$profile process-resources || exit 1; done
	touch $@

demo: setup ## start everything and open a live page with a table and its tab
	$(BIN)/tabstream demo

test: setup lint types imports ## all checks: lint, types, imports, unit tests, tests on the real stack
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not stack and not long"
	$(BIN)/python -m pytest -q -m stack

lint: setup ## style and format of the Python code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## which package may import which
	$(BIN)/lint-imports

unit: setup ## the tests that need no running stack
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not stack and not long"

stack-test: setup ## the tests on the real stack
	$(BIN)/python -m pytest -q -m stack

long-test: setup ## more tests on the real stack, which take half an hour: commands, binding, estates, replay, scale-out
	$(BIN)/python -m pytest -q -m long

benchmark: setup ## measure and print latencies, calls and memory
	$(BIN)/tabstream benchmark

lock: ## write the locked requirements from pyproject.toml
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 \
		--extra local --extra dev -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 \
		-o requirements-services.txt pyproject.toml
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 \
		--extra emulator -c requirements.txt -o requirements-emulator.txt pyproject.toml

clean: ## stop the stack and remove what was installed and built
	test ! -x $(BIN)/tabstream || $(BIN)/tabstream local down --wipe
	rm -rf $(VENV) $(JARS) build *.egg-info
