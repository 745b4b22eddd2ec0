//! Benchmarks and comparisons against peers, each one a program of its own under `src/bin/`:
//!
//! - `analyze`: analyses images of many shapes beside `tar tf` and `openssl dgst`, and prints times and memory;
//! - `audit`: audits 1 to 1,000 images on one base, and prints time, memory, and what a distinct layer costs;
//! - `compare`: compares large images beside `tar tf` of both, and prints times and memory;
//! - `explore`: opens large images in `strata explore` and presses every key, and prints how long each took;
//! - `against-docker`: builds every fixture with a docker command, and compares with what is expected, or records it;
//! - `export-race`: writes a large layer as gzip and as zstd, as docker's builder does, and prints sizes and times;
//! - `race`: builds with strata and with a docker command, and prints how long each took.
//!
//! ```
//! // the peer is whatever this variable names
//! assert_eq!(strata_benches::docker::VARIABLE, "STRATA_DOCKER");
//! ```

pub mod command;
pub mod docker;
pub mod fleet;
pub mod measured;
pub mod stack;
pub mod terminal;
