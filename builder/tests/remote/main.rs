//! Sources that are not the local folder, from servers and repositories that the tests make themselves.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod contexts;
mod epoch;
mod git;
mod http;
mod named;
mod prune;
mod repository;
mod server;
