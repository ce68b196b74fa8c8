# The short names; Meson and Ninja do the work. `make help` lists them.
BUILD ?= build
PREFIX ?= /usr/local
LISTEN ?= 127.0.0.1:8700
DEMO ?= demo

.PHONY: all run test bench bench-peers fuzz lint format install deps clean help soak-crash soak-refusals soak-sim soak-threads soak-verify

all: $(BUILD)/build.ninja ## build the program at build/qifeng
	@ninja -C $(BUILD) qifeng

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

deps: ## install what is missing (apt), or print the command that does
	@scripts/deps.sh build

# The packages of the machine are looked for again when any was installed since.
$(BUILD)/build.ninja: meson.build meson_options.txt third_party/Cargo.lock $(wildcard /var/lib/dpkg/status)
	@scripts/deps.sh build
	@if [ -f $@ ]; then scripts/configure.sh $(BUILD) --reconfigure; \
	 else scripts/configure.sh $(BUILD); fi

run: all ## build, and start a node with its demonstration data
	$(BUILD)/qifeng demo $(DEMO) --listen $(LISTEN)

test: ## build and run all tests
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@scripts/test.sh $(BUILD)

lint: ## formatting, static checks, layer rules
	@scripts/deps.sh lint
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@scripts/lint.sh $(BUILD)

format: ## bring all sources into form
	@clang-format-14 -i $$(git ls-files -co --exclude-standard 'src/*.[ch]' 'fuzz/*.[ch]' 'bench/*.[ch]' 'test/*.[ch]')

bench: all ## measure; writes build/bench/*.json
	@scripts/deps.sh bench
	@scripts/bench.sh $(BUILD) verify rules services ledger growth

bench-peers: all ## measure beside PostgreSQL and Tessera
	@scripts/deps.sh bench
	@ninja -C $(BUILD) >/dev/null
	@python3 bench/peers.py $(BUILD)

fuzz: ## run every fuzz driver for a minute (FUZZ_SECONDS=60)
	@scripts/deps.sh fuzz
	@scripts/fuzz.sh

soak-verify: ## compare both signature checkers for hours (SOAK_COUNT=10000000 per curve, SOAK_SEED)
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@scripts/soak_verify.sh $(BUILD) $(or $(SOAK_COUNT),10000000) $(SOAK_SEED)

soak-sim: $(BUILD)/build.ninja ## thousands of seeds of the simulation (SOAK_SEEDS=1..5000), and every fault of the ledger
	@ninja -C $(BUILD) src/engine/qifeng-sim src/engine/ledger-test >/dev/null
	@$(BUILD)/src/engine/qifeng-sim --seeds $(or $(SOAK_SEEDS),1..5000)
	@$(BUILD)/src/engine/qifeng-sim --seeds $(or $(SOAK_SEEDS),1..5000) --services
	@$(BUILD)/src/engine/qifeng-sim --seeds $(or $(SOAK_SEEDS),1..5000) --suite gm
	@$(BUILD)/src/engine/qifeng-sim --seeds $(or $(SOAK_SEEDS),1..5000) --suite gm --services
	@$(BUILD)/src/engine/ledger-test 1

soak-threads: ## the whole node under everything at once, with ThreadSanitizer, then AddressSanitizer (SOAK_SECONDS=60 each)
	@scripts/deps.sh fuzz
	@scripts/soak_threads.sh $(or $(SOAK_SECONDS),60)

soak-refusals: all ## bad requests of every kind over and over (SOAK_COUNT=200000); memory must not grow
	@python3 test/system/refusals_test.py $(BUILD)/qifeng test/data $(or $(SOAK_COUNT),200000)

soak-crash: all ## kill the program under load (SOAK_KILLS=500, at most SOAK_SECONDS=3600)
	@ninja -C $(BUILD) test/system/crash >/dev/null
	@cd $(BUILD)/test/system && ./crash ../../qifeng $(or $(SOAK_KILLS),500) $(or $(SOAK_SECONDS),3600) $(SOAK_SEED)

install: all ## into $(DESTDIR)$(PREFIX)
	@DESTDIR=$(DESTDIR) meson configure $(BUILD) -Dprefix=$(PREFIX) >/dev/null
	@DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --quiet

clean:
	rm -rf $(BUILD) build-*
