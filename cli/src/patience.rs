//! Trying again what failed for the moment, with one warning that says so.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::{failure, output::Output};

/// The first pause before another try; each is twice the one before, up to the longest.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What went wrong in a row of tries.
#[derive(Debug)]
pub struct Hiccups {
    out: Output,
    what: String,
    told: bool,
    pause: Duration,
    last: Option<String>,
}

impl Hiccups {
    /// No trouble yet with `what`, which completes "trying again to ..".
    pub fn new(out: Output, what: impl Into<String>) -> Self {
        Self { out, what: what.into(), told: false, pause: PAUSE, last: None }
    }

    /// Notes a failed try, tells the first one, and waits a little longer each time.
    pub async fn wait_after(&mut self, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        if !self.told {
            self.out.warn(format!("{reason}; trying again to {}", self.what));
            self.told = true;
        }
        self.last = Some(reason);
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Notes a try that went well.
    pub fn went_well(&mut self) {
        self.pause = PAUSE;
        self.last = None;
    }

    /// The reason why the last try failed, if it did.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

/// Tries until it works, until it fails for good, or until the time is over, which gives the
/// last failure.
pub async fn try_until<T>(
    until: Instant,
    mut hiccups: Hiccups,
    mut act: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    loop {
        match act().await {
            Err(error) if failure::is_passing(&error) && Instant::now() < until => {
                tokio::select! {
                    () = hiccups.wait_after(&error) => {}
                    () = sleep_until(until) => {}
                }
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    /// Without pauses.
    fn hiccups() -> Hiccups {
        Hiccups { pause: Duration::ZERO, ..Hiccups::new(Output::new(false, true), "count") }
    }

    #[tokio::test]
    async fn passing_failures_are_tried_again_and_final_ones_are_not() {
        let until = Instant::now() + Duration::from_secs(60);
        let mut tries = 0;
        let done = try_until(until, hiccups(), async || {
            tries += 1;
            if tries < 4 { Err(Failure::Chain("429".into()).into()) } else { Ok(tries) }
        });
        assert_eq!(done.await.unwrap(), 4);

        let mut tries = 0;
        let refused: anyhow::Result<()> = try_until(until, hiccups(), async || {
            tries += 1;
            Err(Failure::Refused("no".into()).into())
        })
        .await;
        assert!(refused.is_err());
        assert_eq!(tries, 1);
    }

    #[tokio::test]
    async fn the_last_failure_is_told_when_the_time_is_over() {
        let error = try_until(Instant::now(), hiccups(), async || {
            Err::<(), _>(Failure::Service("it is down".into()).into())
        });
        assert!(error.await.unwrap_err().to_string().contains("it is down"));
    }
}
