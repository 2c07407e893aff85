# make run     a gateway on http://127.0.0.1:9280 with its data in ./clawgate-data
# make test    everything that is checked; installs the Debian packages with the real clients first
# make lint    style and types only
# make bench   the gateway beside Apache and rclone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# What `make test` and `make bench` run besides Python: real clients, peers, the C compiler for the slow disk.
PACKAGES := litmus cadaver owncloud-client-cmd nextcloud-desktop-cmd rclone curl nghttp2-client acl attr gcc libc6-dev
PEERS := apache2-bin media-types rclone

.PHONY: run test lint bench packages peers clean
.DELETE_ON_ERROR:

run: $(VENV)/run
	$(BIN)/twistd -n clawgate $(ARGS)

test: packages $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: peers $(VENV)/test
	$(BIN)/python bench/compare.py $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info

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
