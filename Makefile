# Kehu. `make` alone lists what there is; arguments go in ARGS: make test ARGS=customers
.DEFAULT_GOAL := help
.PHONY: help run demo test check bench bench-full openapi fmt

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' Makefile | \
		while IFS='	' read -r target text; do printf '  make %-10s %s\n' "$$target" "$$text"; done

run: ## build in release and serve on 127.0.0.1:8080, data in ./data (ARGS: flags of kehu serve)
	@kehu=$$(scripts/build.sh --release kehu) && exec "$$kehu" serve $(ARGS)

demo: ## the same with an organisation of made-up customers, data in ./demo/data (ARGS: flags of kehu serve)
	@kehu=$$(scripts/build.sh --release kehu) && exec "$$kehu" demo --data demo/data $(ARGS)

test: ## all tests, on SQLite and on PostgreSQL (ARGS: arguments of cargo test)
	@scripts/test.sh $(ARGS)

check: ## formatting, lints, layers, licences, unused dependencies, breaks of the API (BASE: the commit to compare with), generated files
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@checks=$$(scripts/build.sh kehu-checks) && "$$checks" $(if $(BASE),--contract-base $(BASE))
	@scripts/openapi.sh --check

bench: ## the workloads of bench/ against the release build, on both engines and beside PocketBase (ARGS: arguments of kehu-bench)
	@scripts/bench.sh $(ARGS)

bench-full: ## the same questions at 10,000, 100,000 and 1,000,000 customers, whose data is kept (ARGS: arguments of kehu-bench million)
	@scripts/bench.sh million $(ARGS)

openapi: ## write openapi/openapi.json, openapi/codes.json and the list of error codes in docs/
	@scripts/openapi.sh

fmt: ## format all Rust code
	cargo fmt --all
