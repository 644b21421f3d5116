//! Owns the cutting of a text into paragraphs and sentences of any script.

use unicode_segmentation::UnicodeSegmentation;

/// A sentence with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The words, white space normalised, no control characters.
    pub text: String,
    /// Which paragraph it stands in, from 0.
    pub paragraph: usize,
    /// Which sentence of its paragraph it is, from 0.
    pub within: usize,
}

/// A sentence longer than this is cut at a clause, a space or, at worst, anywhere: texts
/// without full stops exist (lists, tables, scripts that write none).
const LONGEST: usize = 600;

/// Abbreviations after which a capital letter does not begin a sentence.
const ABBREVIATIONS: [&str; 24] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "rev", "gen", "col", "capt", "lt", "sgt", "hon",
    "messrs", "mme", "mlle", "hr", "fr", "vs", "cf", "etc", "vol", "fig", "esq",
];

/// All sentences in reading order.
pub fn split(text: &str) -> Vec<Sentence> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sentences = Vec::new();
    for (paragraph, content) in paragraphs(text).iter().enumerate() {
        for (within, text) in sentences_of(content).into_iter().enumerate() {
            sentences.push(Sentence { text, paragraph, within });
        }
    }
    sentences
}

/// Blank lines separate paragraphs; single line breaks inside are joined. Texts whose lines
/// are all long have one paragraph per line, as word processors write them.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        let line = clean(line);
        if line.is_empty() || current.len() > 4 * LONGEST {
            push_trimmed(&mut paragraphs, &mut current);
        }
        join(&mut current, &line);
    }
    push_trimmed(&mut paragraphs, &mut current);
    paragraphs
}

fn push_trimmed(paragraphs: &mut Vec<String>, current: &mut String) {
    if !current.is_empty() {
        paragraphs.push(std::mem::take(current));
    }
}

/// Joins two lines: a space between words, nothing between characters of a script that
/// writes without spaces, and a hyphen at a line's end stays.
fn join(current: &mut String, line: &str) {
    let spaceless = |c: Option<char>| c.is_some_and(crate::terms::is_spaceless);
    let no_space = spaceless(current.chars().next_back()) && spaceless(line.chars().next());
    if !current.is_empty() && !line.is_empty() && !no_space {
        current.push(' ');
    }
    current.push_str(line);
}

/// One line with single spaces and without control or formatting characters.
fn clean(line: &str) -> String {
    let mut cleaned = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        let printable = |c: &char| {
            !c.is_control() && !matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        cleaned.extend(word.chars().filter(printable));
    }
    cleaned.trim().to_owned()
}

fn sentences_of(paragraph: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    for piece in paragraph.split_sentence_bounds() {
        let mut sentence = open.take().unwrap_or_default();
        sentence.push_str(piece);
        if ends_in_abbreviation(&sentence) && sentence.len() < LONGEST {
            open = Some(sentence);
        } else {
            sentences.push(sentence);
        }
    }
    sentences.extend(open);
    sentences
        .iter()
        .flat_map(|s| cut(s.trim()))
        .filter(|s| s.chars().any(char::is_alphanumeric))
        .collect()
}

fn ends_in_abbreviation(sentence: &str) -> bool {
    let Some(body) = sentence.trim_end().strip_suffix('.') else { return false };
    let word = body.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let single = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    single || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// Cuts what is too long, at the best place before the limit.
fn cut(sentence: &str) -> Vec<String> {
    let mut rest = sentence;
    let mut parts = Vec::new();
    while rest.len() > LONGEST {
        let limit = rest.floor_char_boundary(LONGEST);
        let window = &rest[..limit];
        let clause =
            |c: char| matches!(c, ';' | ':' | '—' | '；' | '、' | '，' | '،' | '؛' | '।' | '۔');
        let at = after_last(window, |c| c == '.')
            .or_else(|| after_last(window, clause))
            .or_else(|| after_last(window, |c| c == ','))
            .or_else(|| after_last(window, char::is_whitespace))
            .unwrap_or_else(|| last_grapheme_boundary(window));
        let (part, tail) = rest.split_at(at);
        parts.push(part.trim().to_owned());
        rest = tail.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// Behind the last match, unless that would leave a stump.
fn after_last(window: &str, matches: impl Fn(char) -> bool) -> Option<usize> {
    let (at, c) = window.char_indices().rev().find(|(_, c)| matches(*c))?;
    let end = at + c.len_utf8();
    (end > LONGEST / 4).then_some(end)
}

/// The last boundary between user-perceived characters, but never 0.
fn last_grapheme_boundary(window: &str) -> usize {
    let last = window.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
    if last == 0 { window.len() } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split(text).into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn titles_and_initials_do_not_end_sentences() {
        let found = texts("Mr. Bennet replied to J. S. Mill. Dr. Watson said nothing! Why?");
        assert_eq!(
            found,
            ["Mr. Bennet replied to J. S. Mill.", "Dr. Watson said nothing!", "Why?"]
        );
    }

    #[test]
    fn hard_wrapped_lines_are_joined_and_blank_lines_separate() {
        let found = split("one two\nthree. Four\n\nfive six");
        let places: Vec<_> =
            found.iter().map(|s| (s.text.as_str(), s.paragraph, s.within)).collect();
        assert_eq!(places, [("one two three.", 0, 0), ("Four", 0, 1), ("five six", 1, 0)]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_at_their_own_full_stops_and_joined_without_spaces() {
        assert_eq!(
            texts("今日は天\n気がいい。明日は雨だ。"),
            ["今日は天気がいい。", "明日は雨だ。"]
        );
    }

    #[test]
    fn a_text_without_any_full_stop_is_still_cut() {
        let long = "字".repeat(5000);
        let parts = texts(&long);
        assert!(parts.len() > 20, "{}", parts.len());
        assert!(parts.iter().all(|p| p.len() <= LONGEST));
        assert_eq!(parts.concat(), long);
    }

    #[test]
    fn control_and_direction_characters_are_dropped() {
        assert_eq!(texts("a\u{1b}[31mred\u{202e} thing\u{0}."), ["a[31mred thing."]);
    }
}
