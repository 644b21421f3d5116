//! Owns the whole: sentences, their ranking in parts of bounded size, and the summary.

use std::collections::HashSet;

use crate::sentences::{self, Sentence};
use crate::terms::{Vocabulary, terms};
use crate::{graph, rank, select};

/// Sentences ranked against each other at once; longer texts are ranked part by part and
/// the winners of the parts against each other. Bounds time and memory.
const PART: usize = 1200;
/// How many of a part go on to the next round.
const WINNERS: usize = 60;
/// A summary of a long text stops growing here.
const LONGEST_SUMMARY: usize = 12;

/// The chosen sentences in reading order, or `None` if there is nothing to choose from.
pub fn summarise(
    text: &str,
    wanted: Option<usize>,
    progress: &mut dyn FnMut(&str),
) -> Option<Vec<String>> {
    let sentences = sentences::split(text);
    let paragraphs = sentences.last().map_or(0, |s| s.paragraph + 1);
    progress(&format!("found {} sentences in {paragraphs} paragraphs", sentences.len()));
    if sentences.is_empty() {
        return None;
    }
    let wanted = wanted.unwrap_or_else(|| sensible_length(sentences.len()));
    let terms: Vec<Vec<String>> = sentences.iter().map(|s| terms(&s.text)).collect();
    let mut running = without_repetitions(substantial(&terms), &sentences);
    let mut round = 1;
    while running.len() > PART {
        running = heat(&running, &sentences, &terms, wanted, round, progress);
        round += 1;
    }
    let part = Part::rank(&running, &sentences, &terms);
    progress(&format!(
        "ranking settled after {} rounds over {} sentences",
        part.rounds,
        running.len()
    ));
    let chosen = part.choose(wanted);
    progress(&format!("key terms: {}", part.key_terms().join(", ")));
    progress(&format!("chose {} of {} sentences", chosen.len(), sentences.len()));
    Some(chosen.into_iter().map(|i| sentences[running[i]].text.clone()).collect())
}

/// Grows with the root of the text's length, so that long texts are not retold.
fn sensible_length(sentences: usize) -> usize {
    ((sentences as f64).sqrt() * 0.8).round().clamp(1.0, LONGEST_SUMMARY as f64) as usize
}

/// Sentences with enough words to say something; all of them if there are none.
fn substantial(terms: &[Vec<String>]) -> Vec<usize> {
    let with = |least: usize| -> Vec<usize> {
        (0..terms.len()).filter(|i| terms[*i].len() >= least).collect()
    };
    [5, 2, 0].into_iter().map(with).find(|kept| !kept.is_empty()).unwrap_or_default()
}

/// What is said twice word for word counts once, where it stands first.
fn without_repetitions(mut running: Vec<usize>, sentences: &[Sentence]) -> Vec<usize> {
    let mut seen = HashSet::new();
    running.retain(|i| seen.insert(sentences[*i].text.as_str()));
    running
}

/// One round of a long text: every part sends its best on.
fn heat(
    running: &[usize],
    sentences: &[Sentence],
    terms: &[Vec<String>],
    wanted: usize,
    round: usize,
    progress: &mut dyn FnMut(&str),
) -> Vec<usize> {
    let parts = running.len().div_ceil(PART);
    let size = running.len().div_ceil(parts);
    let winners = WINNERS.max(wanted).min(size / 2);
    let mut next = Vec::new();
    for (number, part) in running.chunks(size).enumerate() {
        let ranked = Part::rank(part, sentences, terms);
        next.extend(ranked.choose(winners).into_iter().map(|i| part[i]));
        progress(&format!(
            "round {round}, part {} of {parts}: {} sentences",
            number + 1,
            part.len()
        ));
    }
    next
}

/// Sentences ranked against each other.
struct Part {
    scores: Vec<f64>,
    rounds: usize,
    vectors: graph::Vectors,
    vocabulary: Vocabulary,
}

impl Part {
    fn rank(part: &[usize], sentences: &[Sentence], terms: &[Vec<String>]) -> Self {
        let vocabulary = Vocabulary::of(part.iter().map(|i| terms[*i].as_slice()));
        let vectors = graph::Vectors::of(&vocabulary);
        let edges = graph::edges(&vectors, vocabulary.names.len());
        let prior: Vec<f64> = part.iter().map(|i| place(&sentences[*i])).collect();
        let (mut scores, rounds) = rank::page_rank(&edges, &prior);
        for (score, i) in scores.iter_mut().zip(part) {
            *score *= readable(terms[*i].len()) * complete(&sentences[*i].text);
        }
        Self { scores, rounds, vectors, vocabulary }
    }

    fn choose(&self, wanted: usize) -> Vec<usize> {
        select::choose(&self.scores, wanted, |a, b| self.vectors.similarity(a, b))
    }

    /// The terms that tell the text from any other: frequent, yet not everywhere.
    fn key_terms(&self) -> Vec<&str> {
        let count = self.vocabulary.texts.len() as f64;
        let mut weighted: Vec<(f64, &str)> = self
            .vocabulary
            .names
            .iter()
            .zip(&self.vocabulary.document_frequency)
            .filter(|(name, _)| {
                name.chars().count() > 3 || name.chars().all(crate::terms::is_spaceless)
            })
            .map(|(name, df)| {
                let df = f64::from(*df);
                (df * (count / df).ln().max(0.0).powi(2), name.as_str())
            })
            .collect();
        weighted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        weighted.into_iter().take(8).map(|(_, name)| name).collect()
    }
}

/// Openings matter: of the text, and of its paragraphs.
fn place(sentence: &Sentence) -> f64 {
    let opening_paragraph = if sentence.paragraph < 2 { 0.5 } else { 0.0 };
    let opening_sentence = if sentence.within == 0 { 0.5 } else { 0.0 };
    1.0 + opening_paragraph + opening_sentence
}

/// Neither stumps nor monsters make good summaries.
fn readable(terms: usize) -> f64 {
    match terms {
        0..=4 => 0.2,
        5..=7 => 0.7,
        8..=40 => 1.0,
        41..=70 => 0.7,
        _ => 0.4,
    }
}

/// Half a quotation or half a bracket reads badly out of its context.
fn complete(text: &str) -> f64 {
    let count = |c: char| text.matches(c).count();
    let pairs = [('(', ')'), ('[', ']'), ('“', '”'), ('«', '»'), ('「', '」')];
    let odd_quotes = count('"') % 2 == 1;
    if odd_quotes || pairs.iter().any(|(open, close)| count(*open) != count(*close)) {
        return 0.5;
    }
    1.0
}

#[cfg(test)]
mod tests;
