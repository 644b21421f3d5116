//! When it is too late to run.

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
        let rest = std::time::Duration::from_secs(latest - head.now() + 1);
        tokio::select! {
            // A later head may have another clock.
            _ = context.heads.when(|next| next.block != head.block) => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Seconds that a run of this order may take.
pub(super) fn seconds(context: &Context, order: &Order) -> u64 {
    let wanted = order.terms.manifest.as_ref().map_or(0, |manifest| manifest.limits.seconds);
    u64::from(wanted.min(context.config.docker.seconds).min(order.terms.max_seconds))
}
