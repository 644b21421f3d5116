//! What the sandbox costs beside the agent itself: printed, not asserted.

mod sandbox_support;

use std::time::Instant;

use keeper::sandbox::Ending;
use sandbox_support::{containers, sandbox, spec, unread};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn runs_in_a_row_end_well_and_say_how_long_they_took() {
    let (sandbox, keeper) = sandbox();
    let template = spec("summarize", "A sentence to summarise.").await;
    let mut took = Vec::new();
    let mut ran = Vec::new();
    for attempt in 1..=10 {
        let mut spec = template.clone();
        spec.attempt = attempt;
        let began = Instant::now();
        let output =
            sandbox.run(spec, unread(), CancellationToken::new()).await.expect("a verdict");
        took.push(began.elapsed());
        assert_eq!(output.ending, Ending::Success);
        ran.push(output.finished_at.duration_since(output.started_at).expect("an order"));
    }
    took.sort();
    ran.sort();
    println!("run(): median {:?}, highest {:?}; inside: median {:?}", took[5], took[9], ran[5]);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}
