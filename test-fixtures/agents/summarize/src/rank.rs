//! Owns the ranking: PageRank over the similarity graph, with a prior per sentence.

/// The usual damping of PageRank.
const DAMPING: f64 = 0.85;
const MOST_ROUNDS: usize = 100;
const SETTLED: f64 = 1e-6;

/// Scores that sum to 1, and after how many rounds they stood still.
///
/// `prior` says how likely a reader starts at each sentence; it need not be normalised,
/// but must be positive somewhere.
pub fn page_rank(edges: &[Vec<(usize, f64)>], prior: &[f64]) -> (Vec<f64>, usize) {
    let total: f64 = prior.iter().sum();
    let prior: Vec<f64> = prior.iter().map(|p| p / total).collect();
    let out: Vec<f64> = edges.iter().map(|row| row.iter().map(|e| e.1).sum()).collect();
    let mut scores = prior.clone();
    for round in 1..=MOST_ROUNDS {
        // What has no neighbours gives its score back to the prior.
        let lost: f64 = scores.iter().zip(&out).filter(|(_, o)| **o == 0.0).map(|(s, _)| s).sum();
        let mut next: Vec<f64> =
            prior.iter().map(|p| p * (1.0 - DAMPING + DAMPING * lost)).collect();
        for (from, row) in edges.iter().enumerate() {
            for &(to, weight) in row {
                next[to] += DAMPING * scores[from] * weight / out[from];
            }
        }
        let moved: f64 = next.iter().zip(&scores).map(|(a, b)| (a - b).abs()).sum();
        scores = next;
        if moved < SETTLED {
            return (scores, round);
        }
    }
    (scores, MOST_ROUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hub_of_a_star_wins_and_scores_sum_to_one() {
        let mut edges = vec![vec![(1, 0.5), (2, 0.5), (3, 0.5)]];
        edges.extend((0..3).map(|_| vec![(0, 0.5)]));
        edges.push(Vec::new());
        let (scores, rounds) = page_rank(&edges, &[1.0; 5]);
        assert!(rounds < MOST_ROUNDS);
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(scores[0] > 2.0 * scores[1], "{scores:?}");
        assert!(scores[4] < scores[1], "{scores:?}");
    }

    #[test]
    fn the_prior_decides_between_equals() {
        let edges = vec![vec![(1, 1.0)], vec![(0, 1.0)]];
        let (scores, _) = page_rank(&edges, &[2.0, 1.0]);
        assert!(scores[0] > scores[1]);
    }
}
