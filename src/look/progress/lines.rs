//! What a process prints, cut into lines as it comes.

/// A line that is longer comes in pieces, so that a process which never ends its line does not fill the memory.
const MAX_LINE: usize = 64 << 10;

/// One stream of a process. A line ends with `\n`, `\r\n`, or the `\r` by which progress bars begin anew.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Takes what came, and gives each line that is whole, with its end.
    pub(super) fn push(&mut self, bytes: &[u8], line: &mut dyn FnMut(&[u8])) {
        self.pending.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) = first_line(&self.pending[start..]) {
            line(&self.pending[start..start + length]);
            start += length;
        }
        self.pending.drain(..start);
    }

    /// Gives what has no end yet: there will be none.
    pub(super) fn flush(&mut self, line: &mut dyn FnMut(&[u8])) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            line(&rest);
        }
    }

    /// What has no end yet.
    pub(super) fn pending(&self) -> &[u8] {
        &self.pending
    }
}

/// How many bytes the first line has, with its end.
fn first_line(bytes: &[u8]) -> Option<usize> {
    let searched = &bytes[..bytes.len().min(MAX_LINE)];
    match searched.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) if bytes[end] == b'\n' => Some(end + 1),
        Some(end) => match bytes.get(end + 1) {
            Some(b'\n') => Some(end + 2),
            Some(_) => Some(end + 1),
            // the next byte decides
            None => None,
        },
        None if bytes.len() > MAX_LINE => Some(last_char(searched)),
        None => None,
    }
}

/// Where the last character begins that might not be whole: no character is cut in two.
fn last_char(bytes: &[u8]) -> usize {
    let continues = bytes.iter().rev().take(3).take_while(|&&byte| byte & 0b1100_0000 == 0b1000_0000).count();
    bytes.len() - continues - 1
}

/// A line without its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE, without_end};

    fn cut(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut cut = Vec::new();
        let mut take = |line: &[u8]| cut.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            lines.push(chunk, &mut take);
        }
        lines.flush(&mut take);
        cut
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        let cases: [(&[&[u8]], &[&str]); 6] = [
            (&[b"a\nb\n"], &["a\n", "b\n"]),
            (&[b"a", b"b\nc", b"\n"], &["ab\n", "c\n"]),
            (&[b"a\n\nb"], &["a\n", "\n", "b"]),
            (&[b"10%\r20%\r", b"\n"], &["10%\r", "20%\r\n"]),
            (&[b"10%\r", b"20%"], &["10%\r", "20%"]),
            (&[b"a\r\nb\r\n"], &["a\r\n", "b\r\n"]),
        ];
        for (chunks, expected) in cases {
            assert_eq!(cut(chunks), expected, "{chunks:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces_of_whole_characters() {
        let endless = "é".repeat(MAX_LINE);
        let shifted = format!("x{endless}");
        for text in [endless, shifted] {
            let pieces = cut(&[text.as_bytes()]);
            assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= MAX_LINE));
            assert_eq!(pieces.concat(), text);
        }
    }

    #[test]
    fn the_end_of_a_line_is_one_of_three() {
        for line in [&b"a\n"[..], b"a\r\n", b"a\r", b"a"] {
            assert_eq!(without_end(line), b"a");
        }
    }
}
