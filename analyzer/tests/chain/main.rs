//! Which RUN instructions are chained, how, and which are not and why.
#![allow(clippy::unwrap_used)]

mod build;
mod chained;
mod costs;
mod refused;
mod together;
