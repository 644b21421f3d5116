//! An agent that summarises a text by choosing its most central sentences.
//!
//! stdin is the text (UTF-8, any language), stdout the summary, stderr the progress.
//! `--sentences N` fixes the length of the summary. Exit codes: 1 stdin or stdout broke,
//! 2 wrong arguments, 3 not UTF-8, 4 nothing to summarise.

mod graph;
mod rank;
mod select;
mod sentences;
mod summary;
mod terms;

use std::io::{Read, Write};
use std::process::ExitCode;

enum Failure {
    Io(std::io::Error),
    Usage(String),
    NotUtf8 { offset: usize },
    NothingToSummarise,
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Io(_) => 1,
            Self::Usage(_) => 2,
            Self::NotUtf8 { .. } => 3,
            Self::NothingToSummarise => 4,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Io(error) => format!("reading or writing failed: {error}"),
            Self::Usage(problem) => format!("{problem}; usage: summarize [--sentences N]"),
            Self::NotUtf8 { offset } => {
                format!("the input is not UTF-8 text: invalid byte at offset {offset}")
            }
            Self::NothingToSummarise => "the input holds no words to summarise".to_owned(),
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("summarize: {}", failure.message());
            ExitCode::from(failure.code())
        }
    }
}

fn run() -> Result<(), Failure> {
    let wanted = wanted_sentences(std::env::args().skip(1))?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(Failure::Io)?;
    eprintln!("summarize: read {} bytes", bytes.len());
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Failure::NotUtf8 { offset: error.valid_up_to() })?;
    let chosen = summary::summarise(text, wanted, &mut |line| eprintln!("summarize: {line}"))
        .ok_or(Failure::NothingToSummarise)?;
    let mut out = std::io::stdout().lock();
    for sentence in chosen {
        writeln!(out, "{sentence}").map_err(Failure::Io)?;
    }
    out.flush().map_err(Failure::Io)
}

fn wanted_sentences(mut args: impl Iterator<Item = String>) -> Result<Option<usize>, Failure> {
    match args.next().as_deref() {
        None => Ok(None),
        Some("--sentences") => match args.next().map(|n| n.parse()) {
            Some(Ok(n)) if (1..=500).contains(&n) && args.next().is_none() => Ok(Some(n)),
            _ => Err(Failure::Usage("--sentences wants one number from 1 to 500".to_owned())),
        },
        Some(other) => Err(Failure::Usage(format!("unknown argument {other:?}"))),
    }
}
