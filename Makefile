# Two commands matter: make run, make test. See README.md.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
.PHONY: run test test-fast check quick bench translations migration lock clean

run: ## install what is missing, prepare the demonstration, start web and worker on http://127.0.0.1:8000
	@bash .ci/install run
	@APP_MODE=demo exec $(PY) -m app.run

test: ## every test: SQLite, PostgreSQL, browser
	@bash .ci/install test
	@bash .ci/test

test-fast: ## the tests of services and pages, in less than a minute: no browser, no PostgreSQL, nothing marked slow
	@bash .ci/install test
	@$(PYTEST) -n 2 -m "not browser and not slow"

check: ## style, types, floors, translations complete, access table current, shipped questions sound
	@bash .ci/install test
	@$(PY) -m ruff check -q .
	@$(PY) -m ruff format -q --check . || (echo "run: .venv/bin/ruff format ."; exit 1)
	@$(PY) -m mypy app question_bank certificates config.py
	@$(PYTEST) tests/test_floors.py
	@$(PY) app/translations/update.py --check
	@$(PY) -m tests.access_table --check
	@$(PY) -m question_bank check | tail -3

quick: ## what every commit must pass: style and floors (seconds)
	@$(PY) -m ruff check -q . && $(PYTEST) tests/test_floors.py

bench: ## the measurements of docs/performance.md; ONLY=exam for a part, LONG=1 for the long form
	@bash .ci/install test
	@$(PY) -m bench $(if $(PEOPLE),--people $(PEOPLE)) $(if $(ONLY),--only $(ONLY)) $(if $(LONG),--long)

translations: ## collect new words into the catalogues (one per feature)
	@$(PY) app/translations/update.py

migration: ## M="add log entries": write the migration from the models
	@test -n "$(M)" || (echo 'usage: make migration M="what it does"'; exit 2)
	@APP_MODE=demo .venv/bin/flask --app app db new "$(M)"

lock: ## lock the newest allowed packages
	@test -x .venv/bin/pip-compile || $(PY) -m pip install -q pip-tools
	@for f in requirements requirements-dev; do .venv/bin/pip-compile -q --upgrade --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe -o $$f.lock $$f.in; done

clean: ## remove everything that is not kept in the repository, the demonstration too
	@rm -rf .venv instance node_modules test-output .pytest_cache .ruff_cache .mypy_cache .hypothesis
