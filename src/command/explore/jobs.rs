//! What takes longer than a key may: reading and extracting files, each in a thread of its own. One job at a time counts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

use strata_image::Image;

use super::{content, events::Event, extract, state::File};

/// The job that runs, if one does.
pub(super) struct Jobs {
    image: Arc<dyn Image>,
    events: Sender<Event>,
    current: u64,
    stop: Arc<AtomicBool>,
}

impl Jobs {
    pub(super) fn new(image: Arc<dyn Image>, events: Sender<Event>) -> Self {
        Self { image, events, current: 0, stop: Arc::default() }
    }

    /// Whether a job's answer is still wanted.
    pub(super) fn is_current(&self, id: u64) -> bool {
        id == self.current
    }

    /// Lets the job that runs come to its end, its answer unheard.
    pub(super) fn cancel(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.stop = Arc::default();
        self.current += 1;
    }

    pub(super) fn read(&mut self, file: File) {
        self.start(move |image, stop, id| Event::Read(id, content::read(image, file, stop)));
    }

    pub(super) fn extract(&mut self, order: extract::Order) {
        self.start(move |image, stop, id| Event::Extracted(id, extract::run(image, order, stop)));
    }

    fn start(&mut self, job: impl FnOnce(&dyn Image, &AtomicBool, u64) -> Event + Send + 'static) {
        self.cancel();
        let (image, events, stop, id) =
            (Arc::clone(&self.image), self.events.clone(), Arc::clone(&self.stop), self.current);
        std::thread::spawn(move || {
            // nobody listens any more when the program ends
            let _ = events.send(job(image.as_ref(), &stop, id));
        });
    }
}
