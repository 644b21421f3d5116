//! The provider layer that hands every signed transaction to the courier, so that no call, no
//! transfer and no deployment has a way of its own to send.

use alloy::{
    consensus::{Transaction as _, transaction::SignerRecoverable as _},
    eips::Encodable2718 as _,
    network::Ethereum,
    primitives::{Bytes, ChainId},
    providers::{PendingTransactionBuilder, Provider, ProviderLayer, RootProvider, SendableTx},
    transports::{TransportErrorKind, TransportResult},
};

use super::{Courier, Outgoing, broadcast};

/// Puts a courier between the wallet and the node.
#[derive(Debug, Clone)]
pub struct CourierLayer(pub Courier);

/// A provider whose signed transactions go through a courier.
#[derive(Debug, Clone)]
pub struct CourierProvider<P> {
    inner: P,
    courier: Courier,
}

impl<P: Provider> ProviderLayer<P, Ethereum> for CourierLayer {
    type Provider = CourierProvider<P>;

    fn layer(&self, inner: P) -> Self::Provider {
        CourierProvider { inner, courier: self.0.clone() }
    }
}

impl<P: Provider> CourierProvider<P> {
    async fn send(
        &self,
        tx: SendableTx<Ethereum>,
    ) -> TransportResult<PendingTransactionBuilder<Ethereum>> {
        let SendableTx::Envelope(envelope) = tx else {
            let message = "a transaction reached the node unsigned";
            return Err(TransportErrorKind::custom_str(message));
        };
        let root = self.inner.root();
        let outgoing = Outgoing {
            transaction: *envelope.tx_hash(),
            chain_id: envelope.chain_id().unwrap_or_default() as ChainId,
            from: envelope.recover_signer().map_err(TransportErrorKind::custom)?,
            nonce: envelope.nonce(),
            raw: Bytes::from(envelope.encoded_2718()),
            signed_at: root.get_block_number().await.ok(),
        };
        self.courier.remember(&outgoing);
        match broadcast(root, &outgoing, self.courier.out).await {
            Ok(()) => Ok(PendingTransactionBuilder::new(root.clone(), outgoing.transaction)),
            Err(trouble) => {
                if !trouble.may_be_mined() {
                    self.courier.forget(outgoing.transaction);
                }
                Err(TransportErrorKind::custom(trouble))
            }
        }
    }
}

impl<P: Provider> Provider for CourierProvider<P> {
    fn root(&self) -> &RootProvider {
        self.inner.root()
    }

    // The trait's methods are made by a macro that gives them boxed futures.
    fn send_transaction_internal<'life0, 'async_trait>(
        &'life0 self,
        tx: SendableTx<Ethereum>,
    ) -> std::pin::Pin<
        Box<
            dyn Future<Output = TransportResult<PendingTransactionBuilder<Ethereum>>>
                + Send
                + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.send(tx))
    }
}
