//! Collects the words of a text while the lexer goes through it.

/// A word, and where in the input it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The words so far; white space that was quoted or escaped does not come here as such.
#[derive(Default)]
pub(super) struct Words {
    /// Otherwise only the text is, and nothing is collected.
    wanted: bool,
    done: Vec<Word>,
    text: String,
    started: bool,
    start: usize,
    end: usize,
}

impl Words {
    /// Words that are collected; the default ones are not.
    pub(super) fn wanted() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// All of them.
    pub(super) fn into_done(mut self) -> Vec<Word> {
        self.finish();
        self.done
    }

    /// Adds text of the input range, splitting it at white space.
    pub(super) fn add(&mut self, text: &str, start: usize, end: usize) {
        if !self.wanted {
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() {
                self.add_whole(c.encode_utf8(&mut [0; 4]), start, end);
            } else if self.started {
                self.finish();
            }
        }
    }

    /// Adds text of the input range, white space and all.
    pub(super) fn add_whole(&mut self, text: &str, start: usize, end: usize) {
        if !self.wanted {
            return;
        }
        if !self.started {
            self.started = true;
            self.start = start;
        }
        self.text.push_str(text);
        self.end = end;
    }

    /// Ends the word; quotes with nothing in them alone make none.
    fn finish(&mut self) {
        if !self.text.is_empty() {
            self.started = false;
            self.done.push(Word { text: std::mem::take(&mut self.text), start: self.start, end: self.end });
        }
    }
}
