//! `strata`: builds container images, says exactly which of their bytes are wasted, and runs them.
//!
//! What was typed becomes a [`cli::Cli`]; the command that it names is a file of [`command`]; what a person sees is made
//! in [`look`]. Exit status: 0 yes, 1 the answer is no, 2 the question could not be answered; `run` has docker's own.

#![allow(rustdoc::broken_intra_doc_links, reason = "comments of arguments are help texts: [ ] is what may be left out")]

mod cli;
mod command;
mod exit;
mod look;
mod places;
mod signals;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // where the output cannot be written, there is nobody to tell
            let _ = usage.print();
            return exit::Status::of_usage(&usage, std::env::args_os()).into();
        }
    };
    let outcome = command::prepare(&cli).and_then(|places| command::run(cli, &places));
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            look::error::print(&error);
            exit::Status::of_error(&error).into()
        }
    }
}
