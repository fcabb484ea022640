# Everything runs in this folder's own environment. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
GRADER := .venv/grader
export OMP_NUM_THREADS := 1

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-18s%s\n", $$1, $$2}' Makefile

$(READY): requirements.txt code/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The course needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name a newer one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt -e ./code
	touch $(READY)

$(GRADER): $(READY) requirements-assignments.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-assignments.txt
	touch $(GRADER)

book: $(READY) ## build the book into _build/html
	$(BIN)/jupyter-book build . --all -W -n --keep-going -q
	@echo "The book is built. Open _build/html/index.html in a browser, or run: make serve"

test: book $(GRADER) ## run every check there is
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 3 --dist loadfile
	$(BIN)/python -m bookkit colab
	$(BIN)/python -m pytest --nbval chapters -p bookkit.nbval_pictures --nbval-kernel-name like-colab -n 2 --dist loadfile --nbval-cell-timeout 300

assignments: $(GRADER) ## write the problem sets for students into assignments/release
	$(BIN)/python -m bookkit assignments

grade: $(GRADER) ## grade what students handed in: SUBMISSIONS=folder (SECONDS=20 for each call)
	@test -n "$(SUBMISSIONS)" || { echo 'Name the folder of hand-ins: make grade SUBMISSIONS="hand-ins"'; exit 2; }
	$(BIN)/python -m bookkit grade "$(SUBMISSIONS)" --seconds $(or $(SECONDS),20)

test-assignments: $(GRADER) ## grade every stored answer and compare the points (ONLY=attention for one set)
	$(BIN)/python -m bookkit try-answers $(ONLY)

mutants: $(READY) ## plant known faults in the model and see that the tests notice
	$(BIN)/python -m bookkit mutants

bench: $(READY) ## measure speed and memory beside other implementations (ten minutes)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-bench.txt
	$(BIN)/python -m bookkit bench

serve: book ## build, then serve the book at http://localhost:8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

notebooks: $(READY) ## re-execute the chapters in place (ONLY=chapters/x.ipynb for one)
	$(BIN)/python -m bookkit notebooks $(ONLY)

publish-to: $(READY) ## stamp the address of the published repository: REPO=owner/name
	$(BIN)/python -m bookkit publish-to $(REPO)

.PHONY: help book test assignments grade test-assignments mutants bench serve notebooks publish-to
