//! The page of the book that shows the state machine, rendered from the table.

use std::fmt::Write as _;

use super::event::EventKind;
use super::state::Kind;
use super::table::{Move, TABLE};

/// An event with at least this many origins is listed below the diagram, not drawn.
const TOO_MANY_TO_DRAW: usize = 5;

/// The whole page, as Markdown with one mermaid diagram.
pub fn render() -> String {
    let mut page = String::from(
        "# Job states\n\nRendered from the transition table in `domain::job`; a test compares. \
         Do not edit.\n\n```mermaid\nstateDiagram-v2\n    [*] --> seen\n",
    );
    for row in TABLE.iter().filter(|row| drawn(row)) {
        line(&mut page, format_args!("    {} --> {}: {}", row.from, row.to, row.on));
    }
    for kind in Kind::ALL.iter().filter(|kind| kind.owes().is_none()) {
        line(&mut page, format_args!("    {kind} --> [*]"));
    }
    page.push_str("```\n\nThese can happen in many states and are not drawn:\n\n");
    page.push_str("| event | from | to |\n|---|---|---|\n");
    for event in EventKind::ALL.iter().filter(|event| origins(**event).len() >= TOO_MANY_TO_DRAW) {
        page.push_str(&collected(*event));
    }
    page.push_str("\n| state | work owed |\n|---|---|\n");
    for kind in Kind::ALL {
        let owed = kind.owes().map_or("none", |effect| effect.name());
        line(&mut page, format_args!("| {kind} | {owed} |"));
    }
    page
}

fn origins(event: EventKind) -> Vec<&'static Move> {
    TABLE.iter().filter(|row| row.on == event).collect()
}

fn drawn(row: &Move) -> bool {
    origins(row.on).len() < TOO_MANY_TO_DRAW
}

/// One table row for an event with many origins that all lead to one state.
fn collected(event: EventKind) -> String {
    let rows = origins(event);
    let from: Vec<_> = rows.iter().map(|row| row.from.name()).collect();
    let mut to: Vec<_> = rows.iter().map(|row| row.to.name()).collect();
    to.dedup();
    format!("| {event} | {} | {} |\n", from.join(", "), to.join(", "))
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}
