//! Owns the similarity graph: which sentences speak of the same things, and how much.

use crate::terms::Vocabulary;

/// Each sentence keeps its strongest neighbours only, which bounds memory and noise.
const NEIGHBOURS: usize = 24;
/// Below this two sentences share words by accident.
const FLOOR: f64 = 0.05;

/// TF-IDF vectors of unit length, by term number.
pub struct Vectors(Vec<Vec<(u32, f64)>>);

impl Vectors {
    /// Terms that stand in one sentence only link nothing, but keep their weight in the norm.
    pub fn of(vocabulary: &Vocabulary) -> Self {
        let count = vocabulary.texts.len() as f64;
        let vectors = vocabulary.texts.iter().map(|text| {
            let weighted: Vec<(u32, f64)> = text
                .iter()
                .map(|&(term, times)| {
                    let df = f64::from(vocabulary.document_frequency[term as usize]);
                    let idf = ((count + 1.0) / (df + 0.5)).ln().max(0.01);
                    (term, (1.0 + f64::from(times).ln()) * idf)
                })
                .collect();
            let norm = weighted.iter().map(|(_, w)| w * w).sum::<f64>().sqrt();
            weighted.into_iter().map(|(term, w)| (term, w / norm)).collect()
        });
        Self(vectors.collect())
    }

    /// Cosine of two sentences, 0 to 1.
    pub fn similarity(&self, a: usize, b: usize) -> f64 {
        let (mut left, mut right) = (self.0[a].iter().peekable(), self.0[b].iter().peekable());
        let mut sum = 0.0;
        while let (Some(&&(x, wx)), Some(&&(y, wy))) = (left.peek(), right.peek()) {
            if x == y {
                sum += wx * wy;
            }
            if x <= y {
                left.next();
            }
            if y <= x {
                right.next();
            }
        }
        sum
    }
}

/// Weighted edges per sentence; symmetric before the weakest are dropped.
pub fn edges(vectors: &Vectors, terms: usize) -> Vec<Vec<(usize, f64)>> {
    let mut postings: Vec<Vec<(usize, f64)>> = vec![Vec::new(); terms];
    for (sentence, vector) in vectors.0.iter().enumerate() {
        for &(term, weight) in vector {
            postings[term as usize].push((sentence, weight));
        }
    }
    let mut similarity = vec![0.0f64; vectors.0.len()];
    let row = |(sentence, vector): (usize, &Vec<(u32, f64)>)| {
        similarity.fill(0.0);
        for &(term, weight) in vector {
            for &(other, other_weight) in &postings[term as usize] {
                similarity[other] += weight * other_weight;
            }
        }
        similarity[sentence] = 0.0;
        strongest(&similarity)
    };
    vectors.0.iter().enumerate().map(row).collect()
}

fn strongest(similarity: &[f64]) -> Vec<(usize, f64)> {
    let mut row: Vec<(usize, f64)> =
        similarity.iter().copied().enumerate().filter(|(_, s)| *s > FLOOR).collect();
    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    row.truncate(NEIGHBOURS);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::terms;

    fn graph(texts: &[&str]) -> (Vectors, Vec<Vec<(usize, f64)>>) {
        let terms: Vec<Vec<String>> = texts.iter().map(|t| terms(t)).collect();
        let vocabulary = Vocabulary::of(terms.iter().map(Vec::as_slice));
        let vectors = Vectors::of(&vocabulary);
        let edges = edges(&vectors, vocabulary.names.len());
        (vectors, edges)
    }

    #[test]
    fn sentences_of_one_subject_are_linked_and_others_are_not() {
        let (_, edges) = graph(&["whales eat krill", "krill feeds whales", "taxes rise again"]);
        assert_eq!(edges[0].iter().map(|e| e.0).collect::<Vec<_>>(), [1]);
        assert!(edges[2].is_empty());
    }

    #[test]
    fn an_edge_weighs_the_cosine() {
        let (vectors, edges) = graph(&["whales eat krill", "krill feeds whales", "taxes rise"]);
        assert!((edges[0][0].1 - vectors.similarity(0, 1)).abs() < 1e-12);
        assert!((vectors.similarity(2, 2) - 1.0).abs() < 1e-12);
    }
}
