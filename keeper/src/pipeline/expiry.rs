//! When it is too late to run.

use std::time::Duration;

use domain::job::{Order, Purchase};

use super::context::Context;

/// Whether a run of so many seconds, begun by now, could not be settled before the refund is
/// open to anybody.
pub(super) async fn is_too_late(context: &Context, purchase: &Purchase, seconds: u64) -> bool {
    let now = context.heads.any().await.now();
    now > latest_start(context, purchase, seconds)
}

fn latest_start(context: &Context, purchase: &Purchase, seconds: u64) -> u64 {
    purchase.deadline.saturating_sub(seconds).saturating_sub(context.config.settle.margin_seconds)
}

/// Returns once it is too late.
pub(super) async fn too_late(context: &Context, purchase: &Purchase, seconds: u64) {
    let latest = latest_start(context, purchase, seconds);
    loop {
        let head = context.heads.any().await;
        if head.now() > latest {
            return;
        }
        let rest = Duration::from_secs(latest - head.now() + 1);
        tokio::select! {
            // A later head may have another clock.
            _ = context.heads.when(|next| next.block != head.block) => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// How much longer than its limit a run may take: its agent is put down and its streams end.
const SLACK: Duration = Duration::from_secs(10);

/// Returns once a run is of no use any more: it took longer than its limit, as when its agent is
/// paused, and could not be settled before the refund is open to anybody.
pub(super) async fn overdue(context: &Context, purchase: &Purchase, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds) + SLACK).await;
    too_late(context, purchase, 0).await;
}

/// Seconds that a run of this order may take.
pub(super) fn seconds(context: &Context, order: &Order) -> u64 {
    let wanted = order.terms.manifest.as_ref().map_or(0, |manifest| manifest.limits.seconds);
    u64::from(wanted.min(context.config.docker.seconds).min(order.terms.max_seconds))
}
