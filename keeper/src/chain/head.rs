//! The newest block taken in, and what time it is on the chain.

use std::time::Instant;

use alloy::rpc::types::Header;
use domain::job::BlockRef;
use tokio::sync::watch;

/// A block at the tip.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The block.
    pub block: BlockRef,
    /// The hash of the block before.
    pub parent: alloy::primitives::B256,
    /// Its time in Unix seconds.
    pub timestamp: u64,
    /// When it was seen here.
    pub seen: Instant,
}

impl Head {
    /// The head that a header describes, seen now.
    pub fn of(header: &Header) -> Self {
        Self {
            block: BlockRef { number: header.number, hash: header.hash },
            parent: header.parent_hash,
            timestamp: header.timestamp,
            seen: Instant::now(),
        }
    }

    /// Unix seconds on the chain by now: its last block's time and what passed since.
    pub fn now(&self) -> u64 {
        self.timestamp.saturating_add(self.seen.elapsed().as_secs())
    }
}

/// Where the watcher announces heads, `None` before the first one.
pub type HeadBoard = watch::Sender<Option<Head>>;

/// For those who wait for blocks.
#[derive(Clone, Debug)]
pub struct Heads(pub watch::Receiver<Option<Head>>);

impl Heads {
    /// The first head that satisfies `wanted`. Waits for ever once the watcher has ended.
    pub async fn when(&self, wanted: impl Fn(&Head) -> bool) -> Head {
        let mut heads = self.0.clone();
        let found = heads.wait_for(|head| head.as_ref().is_some_and(&wanted)).await;
        match found.ok().and_then(|head| *head) {
            Some(head) => head,
            None => std::future::pending().await,
        }
    }

    /// The head by now, or the first one.
    pub async fn any(&self) -> Head {
        self.when(|_| true).await
    }
}
