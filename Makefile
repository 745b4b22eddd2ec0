# make demo: builds strata and shows it on the wasteful example; needs a Rust toolchain, root or not.
# make test: installs what the tests need where it is missing, then runs them all.
.PHONY: demo test

demo:
	@cargo build --release --quiet --bin strata
	@cargo build --release --quiet --package strata-fixtures --bin make-base
	@fixtures/demo/show target/release/strata "$$(target/release/make-base)"

test:
	@tests/needs
	cargo test --workspace --no-fail-fast
	@tests/as-user
