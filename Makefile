# make run     a gateway on http://127.0.0.1:9280 with its data in ./clawgate-data
# make test    everything that is checked; installs the real clients and an OpenID provider first
# make lint    style and types only
# make bench   the gateway beside Apache and rclone, its uploads beside @tus/server, and how soon it sees changes that others make;
#              BENCH=compare, BENCH=uploads or BENCH=outside: one of them; BENCH=scan: a tree with a million files; BENCH=s3: a bucket;
#              BENCH=eos: EOS, beside curl that makes the same two hops
#              BENCH=events: thousands of clients that wait for changes

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
BENCH ?= compare uploads outside
# Processes that share the files of tests; more than processors, because many tests wait for clients.
PARALLEL ?= 3

# What `make test` and `make bench` run besides Python: real clients, peers, programs that change files, the C compiler for the slow disk.
PACKAGES := litmus cadaver owncloud-client-cmd nextcloud-desktop-cmd rclone curl nghttp2-client acl attr slapd ldap-utils postgresql gcc libc6-dev \
	chromium chromium-driver git rsync unzip xrootd-server xrootd-server-plugins
PEERS := apache2-bin media-types rclone

# Where this is set, each of the processes that the tests start would compile the gateway anew, and each process of tests all of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint bench packages peers clean
.DELETE_ON_ERROR:

run: $(VENV)/run
	$(BIN)/twistd -n clawgate $(ARGS)

test: packages $(VENV)/test tests/wire/tusjs/node_modules/installed tests/wire/webclient/node_modules/installed \
		tests/wire/oidc_provider/node_modules/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n $(PARALLEL) --dist loadfile --no-loadscope-reorder --durations 15 $(ARGS)

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: peers $(VENV)/test bench/tus_server/node_modules/installed
	$(if $(filter eos,$(BENCH)),$(BIN)/pip install --quiet --editable '.[eos]')
	for one in $(BENCH); do $(BIN)/python bench/$$one.py $(ARGS) || exit 1; done

clean:
	rm -rf $(VENV) build *.egg-info tests/wire/tusjs/node_modules tests/wire/webclient/node_modules tests/wire/oidc_provider/node_modules bench/tus_server/node_modules

packages:
	@$(call install,$(PACKAGES))

peers:
	@$(call install,$(PEERS))

# Both are editable installations: the program is what lies here. `test` has all that `run` has.
$(VENV)/run: setup.cfg pyproject.toml
	@$(call install,$(if $(wildcard $(BIN)/python),,$(if $(shell $(PYTHON) -c 'import ensurepip, venv' 2>&1),python3-venv)))
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/test: $(VENV)/run
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

# What programs of Node.js need lies beside them. Node.js may be there from elsewhere than Debian, whose npm does not go with it.
%/node_modules/installed: %/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { $(call install,nodejs npm); }
	cd $* && npm install --loglevel=error --no-package-lock --no-audit --no-fund --ignore-scripts
	touch $@

# Install the Debian packages that are missing, as root or through sudo; nothing if none is.
define install
missing=$$(for name in $(1); do \
	dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || echo $$name; \
done); \
if [ -n "$$missing" ]; then \
	echo "installing" $$missing; \
	if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	$$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
fi
endef
