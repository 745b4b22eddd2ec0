# make demo: builds strata and shows it on the wasteful example; needs a Rust toolchain, root or not.
# make test: installs what the tests need where it is missing, then runs them all.
.PHONY: demo test

# how strata is built for the demo, and where that puts it: CI shows what its tests build anyway
BUILD = --release
BUILT = target/release

demo:
	@cargo build $(BUILD) --quiet --workspace --bin strata --bin make-base
	@fixtures/demo/show $(BUILT)/strata "$$($(BUILT)/make-base)"

# with all features, so that what is no part of the usual build is tested too
test:
	@tests/needs
	cargo test --workspace --all-features --no-fail-fast
	@tests/as-user
