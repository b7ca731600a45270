# The front door. Meson and ninja do the work; this knows the order of things.
#
#     make            build/shoal, after installing what is missing
#     make demo       a test origin and 1,000 viewers against it, for 30 seconds
#     make test       builds and runs every test
#     make install    to PREFIX (/usr/local), below DESTDIR where given
#     make fmt lint bench bench-rates clean

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all demo test install fmt lint bench bench-rates clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja: | deps-build
	@CC=$${CC:-gcc} meson setup $(BUILD) --prefix $(abspath $(PREFIX))

.PHONY: deps-build deps-test deps-lint deps-bench
deps-build:
	@tools/setup build
deps-test:
	@tools/setup build test
deps-lint:
	@tools/setup build test lint
deps-bench:
	@tools/setup build bench

demo: all
	@$(BUILD)/shoal demo $(DEMO)

test: deps-test
	@$(MAKE) --no-print-directory all
	@tools/run-tests --build $(BUILD)

install: all
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

fmt: deps-lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: deps-lint
	@$(MAKE) --no-print-directory all
	@tools/lint --build $(BUILD)

bench: deps-bench
	@$(MAKE) --no-print-directory all
	@bench/run --build $(BUILD)

bench-rates: deps-bench
	@$(MAKE) --no-print-directory all
	@tools/bench-rates $(BUILD)

clean:
	rm -rf $(BUILD)
