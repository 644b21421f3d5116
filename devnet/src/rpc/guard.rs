//! What is refused before any method sees it, in the words of other Ethereum clients.

use super::error::{INVALID_REQUEST, NO_METHOD};
use jsonrpsee::MethodResponse;
use jsonrpsee::core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, RpcServiceT};
use jsonrpsee::types::{ErrorObjectOwned, Id, Request};
use std::collections::HashSet;
use std::sync::Arc;

/// Puts a [`Guard`] before the methods.
#[derive(Debug, Clone)]
pub struct GuardLayer {
    known: Arc<HashSet<&'static str>>,
    most: usize,
}

/// Refuses unknown methods and batches that are too large.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
    rules: GuardLayer,
}

impl GuardLayer {
    /// Lets these methods through, and batches of at most so many requests.
    pub fn new(known: impl Iterator<Item = &'static str>, most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { known: Arc::new(known.collect()), most }
    }

    fn check(&self, request: &Request<'_>) -> Result<(), ErrorObjectOwned> {
        let name = request.method_name();
        if self.known.contains(name) {
            return Ok(());
        }
        let text = format!("the method {name} does not exist/is not available");
        Err(ErrorObjectOwned::owned(NO_METHOD, text, None::<()>))
    }

    fn check_size(&self, batch: &Batch<'_>) -> Result<(), ErrorObjectOwned> {
        let text = match batch.len() {
            0 => "empty batch".to_owned(),
            len if len > self.most => {
                format!("batch too large: {len} requests, at most {} are allowed", self.most)
            }
            _ => return Ok(()),
        };
        Err(ErrorObjectOwned::owned(INVALID_REQUEST, text, None::<()>))
    }
}

impl<S> tower::Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, rules: self.clone() }
    }
}

type Answer = MethodResponse;

impl<S> RpcServiceT for Guard<S>
where
    S: RpcServiceT<MethodResponse = Answer, NotificationResponse = Answer, BatchResponse = Answer>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = Answer;
    type NotificationResponse = Answer;
    type BatchResponse = Answer;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = Answer> + Send + 'a {
        let (inner, verdict) = (self.inner.clone(), self.rules.check(&request));
        async move {
            match verdict {
                Ok(()) => inner.call(request).await,
                Err(error) => MethodResponse::error(request.id, error),
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = Answer> + Send + 'a {
        let (inner, rules) = (self.inner.clone(), self.rules.clone());
        async move {
            if let Err(error) = rules.check_size(&batch) {
                return MethodResponse::error(Id::Null, error);
            }
            let checked = batch.into_iter().map(|entry| match entry {
                Ok(BatchEntry::Call(request)) => match rules.check(&request) {
                    Ok(()) => Ok(BatchEntry::Call(request)),
                    Err(error) => Err(BatchEntryErr::new(request.id, error)),
                },
                other => other,
            });
            inner.batch(Batch::from(checked.collect())).await
        }
    }

    fn notification<'a>(&self, n: Notification<'a>) -> impl Future<Output = Answer> + Send + 'a {
        self.inner.notification(n)
    }
}
