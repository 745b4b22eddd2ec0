//! `explore`: an image's layers and files in a terminal, for who knows dive.
//!
//! ```text
//! image ─► analysis, tree ─► Model ─┐
//!                                   ▼
//! keys, signals, jobs ─► events ─► State::press ─► effect: read a file, extract, stop, quit
//!                                   └─► lines ─► draw ─► terminal
//! ```
//!
//! [`state`] decides, [`screen`] says in lines what there is to see, and neither knows of a terminal.

mod content;
mod details;
mod draw;
mod events;
mod extract;
mod help;
mod jobs;
mod key;
mod model;
mod moving;
mod pager;
mod panes;
mod prompt;
mod rows;
mod screen;
mod shown;
mod state;
mod terminal;
#[cfg(test)]
mod tests;

use std::{
    io::IsTerminal as _,
    sync::{Arc, mpsc},
};

use anyhow::{Context, Result, bail};

use super::analyze::inputs::Inputs;
use crate::{exit::Status, places::Places, signals};
use events::Event;
use jobs::Jobs;
use model::Model;
use state::{Effect, State};
use terminal::Terminal;

/// Look at an image's layers and files in the terminal, and at what is wasted
#[derive(clap::Args, Debug)]
#[command(after_help = "Keys are dive's: Tab changes the pane, ? lists all of them, q quits.\n\n\
                        What strata.toml and `# strata ignore=RULE` suppress is shown with the reason.\n\n\
                        Examples:\n  strata explore app:1\n  strata explore -f Dockerfile app:1\n  strata explore docker-archive:app.tar\n  \
                        docker save app:1 | strata explore -\n\n\
                        NO_COLOR is honoured: every mark is a letter too.")]
pub(crate) struct Args {
    /// The image: a name in the store, an archive, a layout, a root filesystem; - reads an archive from standard input
    image: String,

    #[command(flatten)]
    inputs: Inputs,
}

/// Whether there is a terminal that keys can come from: where standard input is an image or a file, the process's own.
fn has_keys() -> bool {
    std::io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok()
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    if !has_keys() || !std::io::stdout().is_terminal() {
        bail!(
            "explore needs a terminal for its keys and its screen\n\
             hint: `strata analyze` prints the same facts anywhere, and with --format json for programs"
        );
    }
    events::block_signals()?;
    let settings = args.inputs.settings()?;
    let image: Arc<dyn strata_image::Image> = Arc::from(places.image(&args.image)?);
    let gathered = args.inputs.gather(settings, image.as_ref(), &args.image, places)?;
    let model = Model::load(image.as_ref(), &args.image, &gathered.options())?;
    let (sender, events) = mpsc::channel();
    let mut state = State::new(model);
    let mut jobs = Jobs::new(image, sender.clone());
    let mut terminal = Terminal::enter().context("cannot take over the terminal")?;
    events::watch(&sender)?;
    loop {
        terminal.draw(&mut state).context("cannot write to the terminal")?;
        let Ok(event) = events.recv() else { return Ok(Status::Yes) };
        let effect = match event {
            Event::Key(key) => state.press(key),
            Event::Resize => Effect::Nothing,
            Event::Stopped => {
                terminal.suspend()?;
                Effect::Nothing
            }
            Event::Ended(signal) => {
                jobs.cancel();
                return Ok(signals::status(signal));
            }
            Event::Lost => return Ok(Status::Trouble),
            Event::Read(id, content) => {
                if jobs.is_current(id) {
                    state.show_content(content);
                }
                Effect::Nothing
            }
            Event::Extracted(id, outcome) => {
                if jobs.is_current(id) {
                    state.say_extracted(outcome);
                }
                Effect::Nothing
            }
        };
        match effect {
            Effect::Nothing => {}
            Effect::Quit => return Ok(Status::Yes),
            Effect::Suspend => events::stop_group(),
            Effect::Cancel => jobs.cancel(),
            Effect::Read(file) => jobs.read(file),
            Effect::Extract(order) => jobs.extract(order),
        }
    }
}
