//! The only place that writes to the terminal: results to stdout, everything else to
//! stderr, as text for people or as one JSON document for machines. Warnings and errors show of
//! a URL no more than its origin: providers put their keys into the rest.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use keeper::rpc::with_origins;
use serde::Serialize;
use serde_json::json;

use crate::failure;

/// A result that can be shown to people; machines get its serde form.
pub trait Report: Serialize {
    /// The text for people, without a final newline.
    fn human(&self) -> String;
}

/// Where a command writes. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// `json` renders results as JSON; `quiet` drops progress lines.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// True when results are rendered as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes the result of the command to stdout.
    pub fn result<R: Report>(&self, report: &R) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(report)? } else { report.human() };
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        Ok(stdout.flush()?)
    }

    /// Writes an agent's own bytes to stdout: as they are into a pipe or file, without
    /// control characters on a terminal.
    pub fn agent_bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        if stdout.is_terminal() {
            writeln!(stdout, "{}", printable(&String::from_utf8_lossy(bytes)))?;
        } else {
            stdout.write_all(bytes)?;
        }
        Ok(stdout.flush()?)
    }

    /// Writes text that is itself the result (completions, an ABI) to stdout.
    pub fn text(&self, text: &str) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Progress: one line on stderr.
    pub fn note(&self, line: impl AsRef<str>) {
        if !self.quiet {
            self.stderr(line.as_ref());
        }
    }

    /// Progress of a named component: `keeper   | line`.
    pub fn component(&self, name: &str, line: &str) {
        self.note(format!("{name:>9} | {}", printable(line)));
    }

    /// A numbered step of a longer story.
    pub fn step(&self, number: usize, title: &str) {
        self.note(format!("\n[{number}] {title}"));
    }

    /// A warning, also when progress is off.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.stderr(&format!("warning: {}", with_origins(line.as_ref())));
    }

    /// The error that ends the command: text, or one JSON line, on stderr.
    pub fn error(&self, error: &anyhow::Error) {
        let message = with_origins(&format!("{error:#}"));
        if self.json {
            let kind = failure::of(error).map_or("failed", failure::Failure::kind);
            let mut document = json!({
                "error": { "kind": kind, "exitCode": failure::exit_code(error), "message": message }
            });
            if let Some(sent) = error.downcast_ref::<failure::AlreadySent>() {
                document["error"]["transaction"] = json!(sent.transaction);
                document["error"]["purchaseId"] = json!(sent.purchase_id);
            }
            self.stderr(&document.to_string());
        } else {
            self.stderr(&format!("error: {message}"));
        }
    }

    // A closed stderr must not end a command whose work goes on.
    fn stderr(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// Replaces control characters (except tab and newline), so that text from elsewhere
/// cannot drive the terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}

/// A table with a header row; the columns named in `right` are right-aligned.
pub fn table(header: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().enumerate().map(|(index, text)| {
            let cell = Cell::new(printable(text));
            if right.contains(&index) { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    table.trim_fmt()
}

/// Lines of `name  value` with the values aligned.
pub fn fields(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{name:<width$}  {}", printable(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\tc"), "a\u{fffd}[31mb\u{fffd}\n\tc");
    }

    #[test]
    fn fields_are_aligned() {
        assert_eq!(fields(&[("id", "1".into()), ("price", "2".into())]), "id     1\nprice  2");
    }
}
