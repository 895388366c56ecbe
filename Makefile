# Two commands do the work: `make demo` and `make test`. Each prepares what it needs. `make help` lists all.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=
ROUNDS ?= 3

.DEFAULT_GOAL := help
.PHONY: help prepare demo test properties check format bench geotag-check ingest-page judge stretches faults legacy peer train pins schemas pictures wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt pyproject.toml scripts/prepare.sh
	@sh scripts/prepare.sh "$(PYTHON)" "$(VENV)"

prepare: $(READY)  ## make the virtual environment from the pinned, hashed requirements

demo: $(READY)  ## a simulated night street, two gateways, broker, cloud and console; ARGS="--once --seed 4 --scene burn --json out.json"
	@sh scripts/services.sh demo
	@$(BIN)/smokesentry demo $(ARGS)

test: $(READY)  ## everything: lint, types, import rules and all tests, with the real services; ARGS="-k name" picks
	@sh scripts/services.sh test
	@$(BIN)/python -m pytest $(ARGS)

properties: $(READY)  ## property tests on new random examples, many of them (half an hour); ARGS="tests/edge" picks, ROUNDS=N
	@for round in $$(seq $(ROUNDS)); do SMOKESENTRY_PROPERTIES=random $(BIN)/python -m pytest -q -m hypothesis $(ARGS) || exit 1; done

check: $(READY)  ## format, lint, types and import rules only
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)  ## format and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## figures as ratios: build/bench.json and build/bench.md (minutes)
	@sh scripts/services.sh demo
	@$(BIN)/smokesentry bench $(ARGS)

geotag-check: $(READY)  ## how often geotag names the right roof, on 520 random scenes: writes into docs/geotag.md (minutes); ARGS="--scenes N"
	@$(BIN)/python -m lab.geotag --page docs/geotag.md $(ARGS)

faults: $(READY)  ## everything breaks on a timetable and nothing may be lost: build/faults.json, faults.md (20 minutes); ARGS="--minutes N"
	@sh scripts/services.sh faults
	@$(BIN)/smokesentry faults $(ARGS)

judge: $(READY)  ## simulated nights through the whole system: build/judge.json and build/judge.md; FULL=1 plays six times as much
	@$(BIN)/smokesentry judge $(if $(FULL),--share 6 --minutes 0) $(ARGS)

stretches: $(READY)  ## sixteen unbroken camera-hours through the whole system: build/stretches.json, for the next judge's page
	@$(BIN)/smokesentry judge --stretches 4 $(ARGS)

ingest-page: $(READY)  ## prove and measure ingest, write docs/ingest-benchmarks.md (an hour and a half; a quiet machine)
	@sh scripts/services.sh test
	@$(BIN)/python -m lab.ingest_page --page docs/ingest-benchmarks.md $(ARGS)

legacy: $(READY)  ## prove the detector on tflite_runtime, in an environment of its own (Python 3.11)
	@sh scripts/legacy.sh "$(PYTHON)" "$(BIN)/python"

peer:  ## the detector's cost beside YOLO11n's, in an environment of its own (Python 3.11): build/peer.json
	@mkdir -p build
	@sh scripts/peer.sh "$(PYTHON)"

train: ## train the detector's model from nothing, in an environment of its own
	@sh scripts/train.sh "$(PYTHON)" $(ARGS)

pins: $(READY)  ## resolve requirements.txt from pyproject.toml; ARGS=--upgrade takes newer versions
	@sh scripts/pins.sh "$(BIN)" $(ARGS)

schemas: $(READY)  ## write docs/schemas/ (JSON Schema, AsyncAPI) from the code
	@$(BIN)/python -m smokesentry.messages.schemas docs/schemas

wheel: $(READY)  ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist *.egg-info
