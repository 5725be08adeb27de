# The front door. `make run` and `make test` do everything on a fresh Debian machine.
PRESET ?= release
MODEL ?=
FUZZ_SECONDS ?= 20
VENV := build/oracle/venv
TIDY := clang-tidy-19 --quiet
GENESIS_VENV := build/genesis/venv
PEERS ?= build/peers

.PHONY: help run test build packages format format-check lint asan tsan arm64 fuzz oracle genesis peers clean

help:
	@echo "make run           install what is missing, build, generate text (MODEL=folder, ARGS='...')"
	@echo "make test          install what is missing, build, run every test"
	@echo "make oracle        compare with MLX (from PyPI, in a virtual environment under build/)"
	@echo "make asan tsan     the tests under sanitizers"
	@echo "make arm64         cross-build the kernels for 64-bit ARM and run their tests under qemu"
	@echo "make fuzz          every fuzz target for FUZZ_SECONDS each"
	@echo "make genesis       train the demonstration model in models/genesis again (more than an hour)"
	@echo "make peers         measure beside llama.cpp and MLX (ARGS='--layers 4 --rounds 1' for a quick look; ARGS=--help)"
	@echo "make format lint   clang-format in place; format-check and clang-tidy with the layer check"

packages:
	@tools/install_packages.sh

build: packages
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET)

run: PRESET = release
run: build
	build/release/tramontane generate $(if $(MODEL),--model-path $(MODEL)) $(ARGS)

test: build
	ctest --preset $(PRESET) -j 2

format:
	git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

format-check: packages
	git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run --Werror

lint: packages
	@cmake --preset release >/dev/null
	python3 tests/check_layers.py
	git ls-files 'src/*.cc' 'tools/*.cc' ':!src/kernels/neon*' | xargs -P 2 -n 4 $(TIDY) -p build/release 2>build/lint.log

asan tsan: packages
	@cmake --preset $@ >/dev/null
	@cmake --build --preset $@
	ctest --preset $@ -j 2

arm64: packages
	@tools/install_packages.sh packages-arm64.txt
	@cmake --preset $@ >/dev/null
	@cmake --build --preset $@
	ctest --preset $@ -j 2
	git ls-files 'src/kernels/neon*.cc' | xargs -P 2 -n 1 $(TIDY) -p build/arm64 2>build/lint-arm64.log

fuzz: packages
	@cmake --preset asan >/dev/null
	@cmake --build --preset asan
	fuzz/run.sh build/asan $(FUZZ_SECONDS)

$(VENV)/installed: tests/oracle/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement $<
	@touch $@

# Each is a target of its own, so that -j runs several at once.
ORACLES := quantize_oracle convert_oracle model_oracle tokenizer_oracle tokenizer_json_oracle gguf_oracle hub_cache chat_oracle output_oracle styles_oracle
.PHONY: $(ORACLES)
oracle: $(ORACLES)
$(ORACLES): build $(VENV)/installed
quantize_oracle convert_oracle model_oracle tokenizer_oracle tokenizer_json_oracle gguf_oracle:
	$(VENV)/bin/python tests/oracle/$@.py --build build/release --work build/oracle/$@
hub_cache chat_oracle output_oracle:
	$(VENV)/bin/python tests/oracle/$@.py --build build/release
styles_oracle:
	$(VENV)/bin/python tests/oracle/make_styles_golden.py --conversations 20000 --seed 7 --check build/release/chat_tests

# Debian's PyTorch trains, MLX (from PyPI) quantises.
$(GENESIS_VENV)/installed: tools/genesis/requirements.txt
	tools/install_packages.sh tools/genesis/packages.txt
	/usr/bin/python3 -m venv --system-site-packages $(GENESIS_VENV)
	$(GENESIS_VENV)/bin/pip install --quiet --requirement $<
	@touch $@

genesis: build $(GENESIS_VENV)/installed
	$(GENESIS_VENV)/bin/python tools/genesis/genesis.py

# llama.cpp (built here) and MLX come from PyPI. PEERS=/other/checkout/build/peers uses the builds and models that are there.
$(PEERS)/venv/installed: bench/peers/requirements.txt
	python3 -m venv $(PEERS)/venv
	$(PEERS)/venv/bin/pip install --quiet --requirement $<
	@touch $@

peers: build $(PEERS)/venv/installed
	$(PEERS)/venv/bin/python -m unittest discover --start-directory bench/peers --pattern '*_test.py'
	$(PEERS)/venv/bin/python bench/peers/peers.py --work $(PEERS) $(ARGS)

clean:
	rm -rf build
