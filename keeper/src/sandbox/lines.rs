//! Owns the cutting of raw log bytes into lines that are safe to show.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::types::LogLine;

/// Longer lines are shown in pieces.
const LONGEST: usize = 4096;

/// What the lines of one run may cost together, in bytes.
const BUDGET: usize = 1 << 20;
/// What a line costs beside its own bytes: without it, empty lines would be free.
const OVERHEAD: usize = 100;
/// Stands for all lines beyond the budget.
const SHORTENED: &str = "log shortened here: the whole log comes with the result";

/// Collects bytes and gives lines, as many as the budget pays for.
#[derive(Debug)]
pub(super) struct Lines {
    partial: Vec<u8>,
    ready: VecDeque<LogLine>,
    /// What is left of the budget; `None` once a line was not given.
    left: Option<usize>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { partial: Vec::new(), ready: VecDeque::new(), left: Some(BUDGET) }
    }
}

impl Lines {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.left.is_some() {
            let room = LONGEST - self.partial.len();
            let window = &bytes[..bytes.len().min(room)];
            match window.iter().position(|byte| *byte == b'\n') {
                Some(at) => {
                    self.partial.extend_from_slice(&bytes[..at]);
                    bytes = &bytes[at + 1..];
                    self.flush();
                }
                None => {
                    self.partial.extend_from_slice(window);
                    bytes = &bytes[window.len()..];
                    if self.partial.len() == LONGEST {
                        self.flush_whole_characters();
                    }
                }
            }
        }
    }

    /// Whatever stands without a line break is a line too.
    pub(super) fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.flush();
        }
    }

    pub(super) fn next(&mut self) -> Option<LogLine> {
        self.ready.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    fn flush(&mut self) {
        let Some(left) = self.left else { return };
        let mut text = shown(&self.partial);
        self.partial.clear();
        // The same bytes give the same lines, however often they are read.
        self.left = left.checked_sub(text.len() + OVERHEAD);
        if self.left.is_none() {
            SHORTENED.clone_into(&mut text);
        }
        self.ready.push_back(LogLine { at: SystemTime::now(), text });
    }

    /// Leaves a character that is not complete yet for the next piece.
    fn flush_whole_characters(&mut self) {
        let whole = match std::str::from_utf8(&self.partial) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.partial.len(),
        };
        let rest = self.partial.split_off(whole);
        self.flush();
        self.partial = rest;
    }
}

/// Invalid UTF-8 and control characters, which could steer a terminal, are replaced; a
/// carriage return before the line break is dropped.
fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let steers = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece);
        }
        lines.finish();
        std::iter::from_fn(|| lines.next()).map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        assert_eq!(cut(&[b"on", b"e\ntwo\n", b"\nthr", b"ee"]), ["one", "two", "", "three"]);
        assert_eq!(cut(&[]), [""; 0]);
    }

    #[test]
    fn what_steers_a_terminal_is_replaced() {
        assert_eq!(cut(&[b"a\x1b[2Jb\tc\x07\r\n\xff"]), ["a\u{fffd}[2Jb\tc\u{fffd}", "\u{fffd}"]);
        assert_eq!(cut(&["x\u{202e}y".as_bytes()]), ["x\u{fffd}y"]);
    }

    #[test]
    fn neither_many_nor_long_lines_go_over_the_budget() {
        let many = vec![b'\n'; 4 << 20];
        let long = vec![b'x'; 4 << 20];
        let invalid = vec![0xff; 4 << 20];
        for bytes in [many, long, invalid] {
            let lines = cut(&[&bytes]);
            let (last, rest) = lines.split_last().expect("lines");
            assert_eq!(last, SHORTENED);
            assert!(rest.iter().all(|line| line != SHORTENED));
            let cost: usize = rest.iter().map(|line| line.len() + OVERHEAD).sum();
            assert!((BUDGET / 2..=BUDGET).contains(&cost), "{cost}");
            let pieces: Vec<_> = bytes.chunks(1000).collect();
            assert!(cut(&pieces) == lines, "the same, however it comes");
        }
    }

    #[test]
    fn long_lines_come_in_pieces_of_whole_characters() {
        let long = "é".repeat(LONGEST) + "e";
        let shifted = format!("x{long}");
        for text in [long, shifted] {
            let pieces = cut(&[text.as_bytes()]);
            assert!(pieces.len() >= 2 && pieces.iter().all(|p| p.len() <= LONGEST));
            assert_eq!(pieces.concat(), text);
        }
    }
}
