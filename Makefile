# Everything a reader, teacher or contributor does. `make help` lists it.

# A variable as one word of a command, whatever is in it: spaces, quotes, dollar signs.
# The shell expands a tilde only outside the quotes.
quoted = $(subst '~/,~/','$(subst ','\'',$(value $(1)))')

# The Python to make the environment with; any from 3.11. For example:
#   make book PYTHON=python3.12
ifndef PYTHON
PYTHON := $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done),python3)
endif
# A path may have spaces; a command, such as "py -3", has several words.
python := $(if $(shell test -f $(call quoted,PYTHON) && echo yes),$(call quoted,PYTHON),$(PYTHON))

# Where MNIST comes from first: a folder or a base URL. The public mirrors follow.
# The word "practice" means digits that the book draws itself, where there is no MNIST.
ifeq ($(origin MNIST_SOURCE),undefined)
MNIST_SOURCE := $(wildcard ../shared/mnist)
endif
# The notebooks run in their own folders, so a folder's name must be absolute.
override MNIST_SOURCE := $(shell \
	MNIST_SOURCE=$(call quoted,MNIST_SOURCE) $(python) scratchnet/mnist/source.py)
export MNIST_SOURCE

# Where Pyodide comes from first, with which pages run in the browser: a folder or a base
# URL. Its release follows. The word "none" means that nobody is asked.
ifeq ($(origin PYODIDE_SOURCE),undefined)
PYODIDE_SOURCE := $(wildcard ../shared/pyodide)
endif
export PYODIDE_SOURCE

# What a console can't print, programs write as escapes, rather than fail.
export PYTHONIOENCODING := $(filter-out :%,$(subst :, :,$(PYTHONIOENCODING))):backslashreplace
# In this locale, Python 3.11 and 3.12 don't start in a folder whose name isn't ASCII.
ifneq ($(filter C POSIX,$(LC_ALL)),)
unexport LC_ALL
endif
# Figures look as in the book, whatever the reader's own settings are, and Matplotlib
# warns on no page that a home can't be written.
export MPLCONFIGDIR := $(CURDIR)/_build/matplotlib
# Other programs want to write into a home as well: where there's none, they have one here.
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/_build/home
$(shell mkdir -p _build/home)
endif

# Where serve-data listens, and where student writes.
PORT ?= 8000
COURSE ?= _build/classroom
STUDENTS ?= 8

# With it, Python would skip every check.
unexport PYTHONOPTIMIZE

BIN := .venv/bin
VERSION := $(shell $(python) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# It holds where the environment was made. Moved or copied, its programs would run those
# of the old place, or none; so then it's made anew, and so is one whose Python is gone.
INSTALLED := $(BIN)/.installed-$(VERSION)
ifneq ($(shell cd .venv 2>/dev/null && pwd -P | cmp -s - bin/.installed-$(VERSION) \
	&& LC_ALL= bin/python -c "" && echo yes),yes)
.PHONY: $(INSTALLED)
endif
NOTEBOOKS := $(shell grep -rl "^kernelspec:" content --include="*.md")
JUPYTEXT := $(BIN)/jupytext --quiet --to ipynb
# Pages on practice digits have a folder of their own.
ifeq ($(MNIST_SOURCE),practice)
OUTPUT := _build/practice
else
OUTPUT := .
endif
BUILD := $(BIN)/jupyter-book build . -n -W --keep-going --path-output $(OUTPUT)

# What uses requirements-cluster.txt: pages, and their tests
CLUSTER := content/going-further/tune-what-is-left.md tests/test_search.py \
  content/beyond-one-computer/train-on-many-processors.md tests/test_mpi.py

HOLDING := $(addprefix checks/,measured.py recorder.py words.py)

.DEFAULT_GOAL := help
.PHONY: help book test arithmetics bench frameworks record cluster lab data serve-data student slides grade by-hand feedback hub hub-environment collect pdf fresh check links format lock clean environment

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

book: data live $(BIN)/.pages ## Build the website; print the page to open
	@$(BUILD)
	@echo "The book is ready. Open this page in a browser:"
	@$(BIN)/python -c 'import pathlib; print(" ", \
	  pathlib.Path("$(OUTPUT)/_build/html/index.html").absolute().as_uri())'

# Three files at a time: while one waits for a browser or a server, two have the cores.
# conftest.py says which come first.
test: data ## Run the unit tests and every notebook
	@$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder

arithmetics: data ## Try every check with other kernels, threads, and seeds: an hour or two
	@$(BIN)/python -m checks.arithmetics $(if $(PAGES),--pages $(PAGES))

bench: data .bench/.installed-$(VERSION) ## Time the networks beside PyTorch, JAX, scikit-learn: make bench NETWORKS=mlp
	@.bench/bin/python -m benchmarks.speed $(NETWORKS)

frameworks: data $(BIN)/.frameworks ## Install PyTorch, JAX, and TensorFlow (3 GB); run the chapters that need them
	@$(BIN)/python -m pytest tests/test_agreement_with_*.py content/in-a-framework

record: data $(BIN)/.frameworks ## Run these chapters, and keep their outputs for builds without frameworks
	@$(BIN)/python -m website.recorded $(PAGES)

cluster: data $(BIN)/.cluster ## Install Dask, Optuna, and MPI beside the book; run the pages that use them
	@$(BIN)/python -m pytest $(CLUSTER)

lab: data ## Open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/content/tutorial/load.md

data: environment ## Fetch and verify MNIST
	@$(BIN)/python -m scratchnet.mnist

live: environment ## Fetch and verify what lets pages run in the browser
	@$(BIN)/python -m website.live

serve-data: environment ## Serve MNIST to the laptops of a room; print what to type there
	@$(BIN)/python -m classroom.serve_data --port $(call quoted,PORT)

student: environment .teaching/.installed-$(VERSION) ## Make the editions for a class: with solutions and without
	@$(BIN)/python -m classroom.editions --course $(call quoted,COURSE)

slides: book .teaching/.installed-$(VERSION) ## Make slides of every chapter, which need no network
	@$(BIN)/python -m classroom.slides

grade: data .teaching/.installed-$(VERSION) ## Grade the answers to a chapter: make grade CHAPTER=load COURSE=…
	@$(BIN)/python -m classroom.grading grade --course $(call quoted,COURSE) --chapter $(call quoted,CHAPTER)

by-hand: environment .teaching/.installed-$(VERSION) ## Give points for written answers, in a form: make by-hand CHAPTER=load COURSE=…
	@$(BIN)/python -m classroom.by_hand --port $(call quoted,PORT) --course $(call quoted,COURSE) --chapter $(call quoted,CHAPTER)

feedback: environment .teaching/.installed-$(VERSION) ## Write a page for each student who is graded
	@$(BIN)/python -m classroom.grading feedback --course $(call quoted,COURSE) --chapter $(call quoted,CHAPTER)

hub: data hub-environment ## Try a class on a JupyterHub, on this computer: make hub STUDENTS=8
	@$(BIN)/python -m classroom.hub --port $(call quoted,PORT) --students $(call quoted,STUDENTS)

hub-environment: environment .teaching/.installed-$(VERSION) .hub/.installed-$(VERSION)

collect: environment .teaching/.installed-$(VERSION) ## Collect what students handed in on a hub: make collect CHAPTER=load COURSE=…
	@$(BIN)/python -m classroom.hub.exchange collect --course $(call quoted,COURSE) --chapter $(call quoted,CHAPTER)

check: environment ## Lint, spell-check, and check how the files are written
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@for page in $(NOTEBOOKS); do echo "$$page" && $(JUPYTEXT) --output - $$page \
	  | $(BIN)/ruff check --stdin-filename $$page.ipynb - || exit 1; done
	@$(BIN)/codespell
	@$(BIN)/python -m pytest -q tests/test_sources.py

pdf: book ## Print the book as one PDF, with Chromium or Chrome
	@$(BIN)/python website/extensions/printable.py

fresh: book ## Test what Binder does, and downloaded notebooks, in fresh environments
	@FRESH="$$(command -v $(or $(BINDER_PYTHON),$(python)))" $(BIN)/python -m pytest --timeout=3600 \
	  tests/in_jupyterlab tests/built_site/test_downloads.py

# It reads the pages into the folder of the book's, which would then miss their changes.
links: data ## Check the links to other sites
	@$(BIN)/jupyter-book build . --builder linkcheck; status=$$?; \
	  rm -rf _build/.doctrees _build/html/output.*; exit $$status

format: environment ## Put code and notebooks into their normal form
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(BIN)/jupytext --quiet --pipe-fmt ipynb \
	  --pipe '$(BIN)/ruff format --stdin-filename page.ipynb -' $(NOTEBOOKS)

# In an environment of its own: the old constraints forbid what the book's would need.
lock: ## Write constraints.txt anew, from requirements.txt
	@$(python) -m venv --clear _build/locking
	@_build/locking/bin/python -m pip install --quiet --disable-pip-version-check uv
	@{ sed -n '/^#/p' constraints.txt; grep -v '^-' requirements.txt | \
	  _build/locking/bin/uv pip compile - --quiet --universal --python-version 3.11 \
	  --no-annotate --no-header; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## Remove the built pages, their cache, and unfinished downloads
	rm -rf _build _data/.download-* _data/pyodide/.download-* _data/practice/.drawing-* .pytest_cache .hypothesis .ruff_cache

environment: $(INSTALLED) | _build/matplotlib
	@echo "Using the environment in .venv ($$($(BIN)/python --version))"

# Made once for a version of Python, and again when what should be in it changes.
$(INSTALLED): requirements.txt constraints.txt pyproject.toml $(shell find website/jupyter -type f)
	@$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=…")'
	@echo "Making the environment in .venv (about 750 MB; a minute or two) …"
	@if [ -L .venv ]; then rm .venv; fi # never empty what a link leads to
	@$(python) -m venv --clear .venv
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@cd .venv && pwd -P > bin/.installed-$(VERSION)

# Matplotlib lists the fonts of a computer once. On a page, it would warn of the wait.
_build/matplotlib: | $(INSTALLED)
	@$(BIN)/python -c "import matplotlib.font_manager" || mkdir -p $@

# The grader, beside the environment, so that readers' JupyterLab stays as it is.
.teaching/.installed-$(VERSION): requirements-teaching.txt $(INSTALLED)
	@rm -rf .teaching
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --target .teaching -r requirements-teaching.txt
	@touch $@

# On top of what the book needs. A new environment is without them, until they're asked for.
$(BIN)/.frameworks: requirements-frameworks.txt $(INSTALLED)
	@$(BIN)/python -m website.install_frameworks $@ # what it couldn't install, it tries again

# On top of the environment, since pages use it where it's there. It goes with it.
$(BIN)/.cluster: requirements-cluster.txt $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -r requirements-cluster.txt
	@touch $@

# JupyterHub, beside the environment as well; its proxy is a program for Node.js.
.hub/.installed-$(VERSION): requirements-hub.txt $(INSTALLED)
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null && npm --version >/dev/null \
	  || { echo "The hub's proxy needs Node.js 20 or newer, with npm: https://nodejs.org"; exit 1; }
	@rm -rf .hub
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --target .hub -r requirements-hub.txt
	@npm install --loglevel error --no-audit --no-fund --prefix .hub/proxy configurable-http-proxy@5.3.0
	@touch $@

# The frameworks have an environment of their own, so that readers' stays as it is.
.bench/.installed-$(VERSION): requirements-bench.txt constraints.txt
	@echo "Making the environment in .bench: frameworks take a gigabyte or more …"
	@$(python) -m venv --clear .bench
	@.bench/bin/python -m pip install --quiet --disable-pip-version-check \
	  -r requirements-bench.txt
	@touch $@

# Neither the cache of executed pages nor Sphinx sees the package change, nor how checks
# are held: forget both. (Running it changes no more than __pycache__.)
PACKAGE := $(shell find scratchnet -type f ! -path '*/__pycache__/*')
$(BIN)/.pages: $(PACKAGE) $(HOLDING) $(INSTALLED)
	@rm -rf _build/.jupyter_cache _build/.doctrees _build/practice
	@touch $@
