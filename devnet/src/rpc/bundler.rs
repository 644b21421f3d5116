//! The ERC-4337 methods of ERC-7769.

use super::error::{RpcError, RpcResult};
use super::registry::{Registered, Registry};
use super::{Node, shapes};
use crate::bundler::{
    self, Bundle, BundlerError, Entry, OperationPlace, OperationPool, UserOperation,
};
use crate::chain::View;
use crate::genesis::ENTRY_POINT;
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256};
use alloy::rpc::types::state::StateOverride;
use parking_lot::Mutex;

/// The bundler of a node.
#[derive(Debug)]
pub struct Bundler {
    account: Address,
    pool: Mutex<OperationPool>,
    /// Bundles are made one after another.
    turn: tokio::sync::Mutex<()>,
}

impl Bundler {
    /// A bundler that sends from this account.
    pub fn new(account: Address) -> Self {
        Self { account, pool: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

/// Registers the methods.
pub fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_supportedEntryPoints"], |_, _| async { Ok([ENTRY_POINT]) })?;
    registry.method(&["eth_sendUserOperation"], |node, mut args| async move {
        let op: UserOperation = args.next()?;
        check_entry_point(args.next()?)?;
        send(&node, op).await
    })?;
    registry.method(&["eth_estimateUserOperationGas"], |node, mut args| async move {
        let op: UserOperation = args.next()?;
        check_entry_point(args.next()?)?;
        let overrides: Option<StateOverride> = args.optional()?;
        op.check(node.config.chain_id)?;
        let account = node.bundler.account;
        on_view(&node, move |mut view| {
            view.override_with(overrides, None)?;
            bundler::estimate(view, account, op)
        })
        .await
    })?;
    registry.method(&["eth_getUserOperationByHash"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        if let Some(found) = node.with(move |chain| bundler::find(chain, hash)).await? {
            return Ok(found.place());
        }
        let waiting = node.bundler.pool.lock().get(&hash).map(|entry| entry.op.clone());
        Ok(waiting.map(OperationPlace::waiting))
    })?;
    registry.method(&["eth_getUserOperationReceipt"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        let found = node.with(move |chain| bundler::find(chain, hash)).await?;
        Ok(found.map(|found| found.receipt(shapes::receipt(&found.block, found.index))))
    })?;
    controls(registry)
}

fn controls(registry: &mut Registry) -> Registered {
    registry
        .method(&["debug_bundler_sendBundleNow"], |node, _| async move { bundle(&node).await })?;
    registry.method(
        &["debug_bundler_clearState", "debug_bundler_clearMempool"],
        |node, _| async move {
            node.bundler.pool.lock().clear();
            Ok("ok")
        },
    )?;
    registry.method(&["debug_bundler_dumpMempool"], |node, mut args| async move {
        check_entry_point(args.optional()?.unwrap_or(ENTRY_POINT))?;
        settle(&node).await?;
        let pool = node.bundler.pool.lock();
        Ok(pool.all().map(|entry| entry.op.clone()).collect::<Vec<_>>())
    })?;
    registry.method(&["debug_bundler_setBundlingMode"], |node, mut args| async move {
        let mode: String = args.next()?;
        let manual = match mode.as_str() {
            "manual" => true,
            "auto" => false,
            other => return Err(RpcError::params(format!("mode {other}: not auto or manual"))),
        };
        node.bundler.pool.lock().manual = manual;
        Ok("ok")
    })
}

fn check_entry_point(address: Address) -> RpcResult<()> {
    if address == ENTRY_POINT {
        return Ok(());
    }
    Err(RpcError::params(format!("EntryPoint {address} is not supported: {ENTRY_POINT} is")))
}

/// Runs long work of the bundler beside the chain's thread, on the latest block.
async fn on_view<T: Send + 'static>(
    node: &Node,
    work: impl FnOnce(View) -> Result<T, BundlerError> + Send + 'static,
) -> RpcResult<T> {
    let view = node.chain(|chain| chain.view(BlockId::latest())).await?;
    Ok(node.blocking(move || Ok(work(view))).await??)
}

async fn send(node: &Node, op: UserOperation) -> RpcResult<B256> {
    let chain_id = node.config.chain_id;
    op.check(chain_id)?;
    let account = node.bundler.account;
    let (hash, op) = on_view(node, move |view| {
        bundler::accept(&view, account, &op)?;
        let delegate = match &op.eip7702_auth {
            Some(auth) => Some(auth.address),
            None => delegate_in(&view.state.code(op.sender)),
        };
        Ok((op.hash(chain_id, delegate), op))
    })
    .await?;
    settle(node).await?;
    let manual = {
        let mut pool = node.bundler.pool.lock();
        pool.add(hash, op)?;
        pool.manual
    };
    if !manual {
        bundle(node).await?;
    }
    Ok(hash)
}

/// What an account delegates to (EIP-7702), by its code.
fn delegate_in(code: &[u8]) -> Option<Address> {
    let target = code.strip_prefix(&[0xef, 0x01, 0x00])?;
    Address::try_from(target).ok()
}

/// Forgets the operations that are mined by now.
async fn settle(node: &Node) -> RpcResult<()> {
    let bundler = node.bundler.clone();
    node.with(move |chain| bundler.pool.lock().settle(chain)).await
}

/// Sends the operations that wait, without those that have become invalid. The answer is the
/// transaction's hash, if there is anything to send.
async fn bundle(node: &Node) -> RpcResult<Option<B256>> {
    let _turn = node.bundler.turn.lock().await;
    settle(node).await?;
    let entries = node.bundler.pool.lock().next();
    let account = node.bundler.account;
    let (valid, refused, l1_gas) = on_view(node, move |view| sort(&view, account, entries)).await?;
    for (hash, error) in refused {
        tracing::warn!(%hash, %error, "user operation dropped");
        node.bundler.pool.lock().remove(&hash);
    }
    if valid.is_empty() {
        return Ok(None);
    }
    let bundler = node.bundler.clone();
    let (hashes, ops): (Vec<_>, Vec<_>) = valid.into_iter().map(|e| (e.hash, e.op)).unzip();
    let request = Bundle { bundler: account, ops }.request(l1_gas);
    node.chain(move |chain| {
        let tx = chain.build(request)?;
        let hash = chain.submit(tx)?;
        let mut pool = bundler.pool.lock();
        hashes.iter().for_each(|op| pool.mark_sent(op, hash));
        pool.settle(chain);
        Ok::<_, BundlerError>(Some(hash))
    })
    .await
}

type Sorted = (Vec<Entry>, Vec<(B256, BundlerError)>, u64);

/// Takes the operations out that the EntryPoint refuses, until it takes the rest.
fn sort(view: &View, bundler: Address, mut entries: Vec<Entry>) -> Result<Sorted, BundlerError> {
    let mut refused = Vec::new();
    while !entries.is_empty() {
        let ops = entries.iter().map(|entry| entry.op.clone()).collect();
        let bundle = Bundle { bundler, ops };
        match bundle.run(view, false) {
            Ok(_) => return Ok((entries, refused, view.poster_gas(&bundle.request(0))?)),
            Err(BundlerError::Refused { index, reason, inner }) if index < entries.len() => {
                let entry = entries.remove(index);
                refused.push((entry.hash, BundlerError::Refused { index, reason, inner }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((entries, refused, 0))
}
