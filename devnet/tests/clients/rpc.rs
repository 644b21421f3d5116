//! JSON-RPC by hand, in batches.

use crate::process::within;
use alloy::rpc::client::{ClientBuilder, RpcClient, Waiter};
use serde_json::Value;

/// Requests in one batch.
const BATCH: usize = 500;

/// A method with its params.
pub type Request = (&'static str, Value);

/// One node.
#[derive(Debug, Clone)]
pub struct Node(RpcClient);

impl Node {
    /// Reaches a node over HTTP.
    pub fn new(url: &str) -> Self {
        Self(ClientBuilder::default().http(url.parse().unwrap()))
    }

    /// The results of several requests, or the messages of their errors.
    pub async fn try_all(&self, requests: &[Request]) -> Vec<Result<Value, String>> {
        if let [(method, params)] = requests {
            // Not every server takes batches.
            let answer = within(self.0.request::<_, Value>(*method, params)).await;
            return vec![answer.map_err(|error| error.to_string())];
        }
        let mut answers = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(BATCH) {
            let mut batch = self.0.new_batch();
            let waiters: Vec<Waiter<Value>> = chunk
                .iter()
                .map(|(method, params)| batch.add_call(*method, params).unwrap())
                .collect();
            within(batch.send()).await.unwrap();
            for waiter in waiters {
                answers.push(within(waiter).await.map_err(|error| error.to_string()));
            }
        }
        answers
    }

    /// The results of several requests, none of which may fail.
    pub async fn all(&self, requests: &[Request]) -> Vec<Value> {
        let answers = self.try_all(requests).await.into_iter().zip(requests);
        answers
            .map(|(answer, request)| answer.unwrap_or_else(|e| panic!("{request:?}: {e}")))
            .collect()
    }

    /// The result of one request, which may not fail.
    pub async fn call(&self, method: &'static str, params: Value) -> Value {
        self.all(&[(method, params)]).await.remove(0)
    }
}
