# Every target brings the environment up to date first (deploy/local/bootstrap.sh), so none needs another.
.DEFAULT_GOAL := help
.PHONY: help demo up down test chaos test-services test-training fuzz bench-backtest lint generated requirements train-model setup

SYMBOL ?= AAPL
export SYMBOL
VENV := $(or $(UV_PROJECT_ENVIRONMENT),.venv)
TRAIN_VENV := .venv-train

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: ## Bring the environment up to date and do nothing else
	@deploy/local/bootstrap.sh

demo: setup ## Run the main job on bundled prices and print its results (SYMBOL=AAPL)
	@$(VENV)/bin/bellwether demo "$$SYMBOL"

up: setup ## Keep the system running until Ctrl-C or `make down` (BELLWETHER_PORT=8000)
	@$(VENV)/bin/bellwether up

down: setup ## Stop what `make up` started, and nothing else
	@$(VENV)/bin/bellwether down

test: ## Run all tests against a private PostgreSQL and RabbitMQ (ARGS='pytest arguments')
	@env -u DATABASE_URL deploy/local/bootstrap.sh
	@$(VENV)/bin/python -m deploy.local.testing $(ARGS)

chaos: setup ## Kill, halt and cut off processes, servers and networks for minutes (SECONDS=60 SEEDS=1,2,3)
	@env -u DATABASE_URL CHAOS_SECONDS="$(or $(SECONDS),60)" CHAOS_SEEDS="$(or $(SEEDS),1,2,3)" \
		$(VENV)/bin/python -m deploy.local.testing services/tests/chaos -m "chaos or not chaos" $(ARGS)

test-services: setup ## Boot and test each service with nothing but its own extra installed
	@$(VENV)/bin/python -m deploy.local.service_tests

test-training: ## Test the training of models, in an environment of its own with the extra `train`
	@UV_PROJECT_ENVIRONMENT=$(TRAIN_VENV) deploy/local/bootstrap.sh --extra train
	@$(TRAIN_VENV)/bin/python -m pytest -p no:cacheprovider $(addprefix services/analytics/forecasting/tests/,test_challenger.py test_training.py)

fuzz: setup ## Send at least 2,000 generated requests to each service (ARGS='--seed 7')
	@$(VENV)/bin/python -m services.tests.fuzz $(ARGS)

bench-backtest: setup ## Time backtests beside vectorbt and backtesting.py, once they agree (BENCH_RIVALS_PYTHON=interpreter)
	@$(VENV)/bin/python benchmarks/backtest_rivals.py

lint: setup ## Check style, formatting, types, import boundaries and requirements.txt
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@deploy/local/bootstrap.sh requirements | diff - requirements.txt || \
		{ echo "requirements.txt is not what uv.lock says: run 'make requirements'." >&2; exit 1; }

generated: setup requirements ## Write everything that is made from the code or the lock again
	$(VENV)/bin/python -m deploy.local.reference
	$(VENV)/bin/python -m shared.contracts.schema

requirements: setup ## Export requirements.txt from uv.lock
	@deploy/local/bootstrap.sh requirements > requirements.partial && mv requirements.partial requirements.txt

train-model: ## Train the shipped forecast model again, in an environment of its own
	@UV_PROJECT_ENVIRONMENT=$(TRAIN_VENV) deploy/local/bootstrap.sh --extra train
	$(TRAIN_VENV)/bin/python -m services.analytics.forecasting.training \
		--data services/ingest/providers/bundled --out services/analytics/forecasting/trained
