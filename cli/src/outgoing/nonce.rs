//! The nonce of the next transaction, asked until two answers agree.

use alloy::{
    network::Network,
    primitives::Address,
    providers::{Provider, fillers::NonceManager},
    transports::TransportResult,
};

/// Most answers that are asked for.
const ANSWERS: usize = 5;

/// Asks the node for the pending transaction count at every transaction and remembers nothing.
///
/// One wrong answer does no harm: a nonce that is too high would leave a transaction waiting for
/// ever. Two answers in a row must agree; of five that do not, the lowest is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct AgreedNonce;

// Expands to what the trait asks for: a boxed future.
impl NonceManager for AgreedNonce {
    fn get_next_nonce<'life0, 'life1, 'async_trait, P, N>(
        &'life0 self,
        provider: &'life1 P,
        address: Address,
    ) -> std::pin::Pin<Box<dyn Future<Output = TransportResult<u64>> + Send + 'async_trait>>
    where
        P: Provider<N> + 'async_trait,
        N: Network + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let mut last = provider.get_transaction_count(address).pending().await?;
            let mut lowest = last;
            for _ in 1..ANSWERS {
                let next = provider.get_transaction_count(address).pending().await?;
                if next == last {
                    return Ok(next);
                }
                lowest = lowest.min(next);
                last = next;
            }
            Ok(lowest)
        })
    }
}
