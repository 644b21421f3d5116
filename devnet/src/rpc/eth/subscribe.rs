//! Subscriptions over WebSocket.

use crate::chain::{ChainEvent, matching_logs};
use crate::rpc::Node;
use crate::rpc::args::Args;
use crate::rpc::error::{RpcError, RpcResult};
use crate::rpc::registry::{Registered, Registry};
use crate::rpc::shapes;
use alloy::rpc::types::Filter;
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::core::server::SubscriptionMessage;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{PendingSubscriptionSink, SubscriptionSink};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

/// What a subscriber wants to hear.
#[derive(Debug)]
enum Topic {
    Heads,
    Logs(Box<Filter>),
    Pending { full: bool },
}

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.module().register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, node, _| async move { subscribe(&node, &params, pending).await },
    )?;
    Ok(())
}

async fn subscribe(
    node: &Node,
    params: &Params<'_>,
    pending: PendingSubscriptionSink,
) -> SubscriptionResult {
    let topic = match topic(params) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return Ok(());
        }
    };
    // Listen first: nothing may be missed between the answer and the first event.
    let mut events = node.handle.subscribe();
    let sink = pending.accept().await?;
    loop {
        tokio::select! {
            () = sink.closed() => return Ok(()),
            event = events.recv() => match event {
                Ok(event) => send(&sink, &topic, &event).await?,
                Err(RecvError::Lagged(missed)) => {
                    Err(format!("subscriber too slow: {missed} events were missed"))?;
                }
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn topic(params: &Params<'_>) -> RpcResult<Topic> {
    let mut args = Args::new(params)?;
    let name: String = args.next()?;
    match name.as_str() {
        "newHeads" => Ok(Topic::Heads),
        "logs" => Ok(Topic::Logs(args.optional()?.unwrap_or_default())),
        "newPendingTransactions" => Ok(Topic::Pending { full: args.optional()?.unwrap_or(false) }),
        other => Err(RpcError::params(format!(
            "no subscription \"{other}\": newHeads, logs and newPendingTransactions exist"
        ))),
    }
}

async fn send(sink: &SubscriptionSink, topic: &Topic, event: &ChainEvent) -> SubscriptionResult {
    match (topic, event) {
        (Topic::Heads, ChainEvent::Added(block)) => one(sink, &shapes::header(block)).await,
        (Topic::Logs(filter), event) => {
            for log in matching_logs(filter, event) {
                one(sink, &log).await?;
            }
            Ok(())
        }
        (Topic::Pending { full: false }, ChainEvent::Pending(tx)) => one(sink, &tx.hash()).await,
        (Topic::Pending { full: true }, ChainEvent::Pending(tx)) => {
            one(sink, &shapes::waiting(tx)).await
        }
        _ => Ok(()),
    }
}

async fn one(sink: &SubscriptionSink, item: &impl Serialize) -> SubscriptionResult {
    let message = SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), item)?;
    sink.send(message).await?;
    Ok(())
}
