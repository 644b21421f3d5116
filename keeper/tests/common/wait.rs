//! Waiting for conditions, with a deadline.

use std::time::{Duration, Instant};

/// Longest a condition may take to come true.
pub const SOON: Duration = Duration::from_secs(60);

/// Waits until the condition gives a value.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
