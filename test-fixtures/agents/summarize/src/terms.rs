//! Owns what counts as a term: words, or pairs of characters where words have no spaces.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut: they are data, not language.
const LONGEST_WORD: usize = 64;

/// Whether the character belongs to a script that writes words without spaces between.
pub fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff           // Thai, Lao
        | 0x1000..=0x109f         // Burmese
        | 0x1780..=0x17ff         // Khmer
        | 0x3000..=0x30ff         // CJK punctuation, kana
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff // Han
        | 0xff00..=0xffef         // full-width forms
        | 0x20000..=0x3ffff)
}

/// The terms of a text in order, repetitions included.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut run: Vec<char> = Vec::new();
    for word in text.unicode_words() {
        if word.chars().all(is_spaceless) {
            run.extend(word.chars());
            continue;
        }
        flush(&mut run, &mut found);
        let lower = word.to_lowercase();
        // A single letter of an alphabet says nothing; a single digit may.
        if lower.chars().count() > 1 || lower.chars().all(char::is_numeric) {
            found.push(lower[..lower.floor_char_boundary(LONGEST_WORD)].to_owned());
        }
    }
    flush(&mut run, &mut found);
    found
}

/// Pairs of neighbouring characters stand in for words that cannot be told apart.
fn flush(run: &mut Vec<char>, found: &mut Vec<String>) {
    match run.as_slice() {
        [] => {}
        [single] => found.push(single.to_string()),
        several => found.extend(several.windows(2).map(|pair| pair.iter().collect::<String>())),
    }
    run.clear();
}

/// The terms of many texts as numbers, with how many texts hold each.
pub struct Vocabulary {
    /// Per text: term number and how often it occurs, by term number.
    pub texts: Vec<Vec<(u32, u32)>>,
    /// Per term number: in how many texts it occurs.
    pub document_frequency: Vec<u32>,
    /// Per term number: the term.
    pub names: Vec<String>,
}

impl Vocabulary {
    /// Numbers are given in order of first appearance, so the same texts give the same numbers.
    pub fn of<'a>(texts: impl Iterator<Item = &'a [String]>) -> Self {
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut vocabulary = Self { texts: vec![], document_frequency: vec![], names: vec![] };
        for text in texts {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for term in text {
                let number = *numbers.entry(term).or_insert_with(|| {
                    vocabulary.names.push(term.clone());
                    vocabulary.document_frequency.push(0);
                    vocabulary.names.len() as u32 - 1
                });
                *counts.entry(number).or_default() += 1;
            }
            for number in counts.keys() {
                vocabulary.document_frequency[*number as usize] += 1;
            }
            vocabulary.texts.push(counts.into_iter().collect());
        }
        vocabulary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_and_single_letters_are_dropped() {
        assert_eq!(terms("A Whale, a WHALE's 7 ÉTÉ"), ["whale", "whale's", "7", "été"]);
    }

    #[test]
    fn spaceless_scripts_give_pairs() {
        assert_eq!(terms("東京都 rain"), ["東京", "京都", "rain"]);
    }

    #[test]
    fn document_frequency_counts_texts_not_occurrences() {
        let texts = [terms("whale whale sea"), terms("sea ship")];
        let vocabulary = Vocabulary::of(texts.iter().map(Vec::as_slice));
        assert_eq!(vocabulary.names, ["whale", "sea", "ship"]);
        assert_eq!(vocabulary.document_frequency, [1, 2, 1]);
        assert_eq!(vocabulary.texts[0], [(0, 2), (1, 1)]);
    }
}
