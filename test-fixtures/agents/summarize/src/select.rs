//! Owns the choice: the best sentences that do not repeat each other.

/// How much likeness to what is chosen already costs.
const REPETITION: f64 = 0.8;

/// Chooses `wanted` of `scores`, best first but each marked down by its likeness to those
/// chosen before; returned in reading order.
pub fn choose(
    scores: &[f64],
    wanted: usize,
    similarity: impl Fn(usize, usize) -> f64,
) -> Vec<usize> {
    let mut likeness = vec![0.0f64; scores.len()];
    let mut open: Vec<usize> = (0..scores.len()).collect();
    let mut chosen = Vec::new();
    while chosen.len() < wanted {
        let worth = |i: usize| scores[i] * (1.0 - REPETITION * likeness[i]);
        let best =
            open.iter().copied().max_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(b.cmp(a)));
        let Some(best) = best else { break };
        open.retain(|i| *i != best);
        chosen.push(best);
        for i in &open {
            likeness[*i] = likeness[*i].max(similarity(*i, best));
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_of_the_best_gives_way() {
        let twins = |a: usize, b: usize| if a < 2 && b < 2 { 1.0 } else { 0.0 };
        assert_eq!(choose(&[0.5, 0.49, 0.2], 2, twins), [0, 2]);
    }

    #[test]
    fn ties_go_to_the_earlier_and_order_is_that_of_the_text() {
        assert_eq!(choose(&[0.1, 0.3, 0.3, 0.2], 3, |_, _| 0.0), [1, 2, 3]);
        assert_eq!(choose(&[0.1], 5, |_, _| 0.0), [0]);
    }
}
