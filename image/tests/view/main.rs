//! The merged view: who dies of what, and what is left.
#![allow(missing_docs, clippy::unwrap_used)]

mod examples;
mod model;
mod notation;
mod rules;
