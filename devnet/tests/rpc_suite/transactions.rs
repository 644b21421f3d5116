//! Transactions of every type, their receipts and blocks.

use crate::support::{COUNTER, call_to, chain, client, deploy, rpc, send, within, word};
use alloy::consensus::{SignableTransaction, TxLegacy, TxType};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip7702::Authorization;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, TxKind, U256, address, hex, utils::parse_ether};
use alloy::providers::Provider;
use alloy::rpc::types::{AccessList, AccessListItem, TransactionRequest};
use alloy::signers::SignerSync;
use serde_json::json;

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");

#[tokio::test]
async fn a_transfer_moves_exactly_the_value_and_the_fee() {
    let node = chain().await;
    let client = client(&node);
    let sender = node.accounts()[0].address;
    let before = client.get_balance(sender).await.unwrap();
    let value = parse_ether("1.5").unwrap();
    let request = TransactionRequest::default().to(SOMEBODY).value(value);
    let receipt =
        send(&client, request.max_fee_per_gas(200_000_000).max_priority_fee_per_gas(50_000_000))
            .await;
    assert_eq!(receipt.gas_used, 21_000);
    // Tips are dropped: the price is the base fee.
    assert_eq!(receipt.effective_gas_price, 100_000_000);
    let fee = U256::from(21_000u64) * U256::from(100_000_000u64);
    let after = client.get_balance(sender).await.unwrap();
    assert_eq!(after, before - value - fee);
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), value);
    node.shutdown().await;
}

#[tokio::test]
async fn every_transaction_type_is_mined_and_shown_as_its_type() {
    let node = chain().await;
    let client = client(&node);
    let plain = || TransactionRequest::default().to(SOMEBODY).value(U256::from(1));
    let legacy = plain().gas_price(100_000_000);
    let list = AccessList(vec![AccessListItem { address: SOMEBODY, storage_keys: vec![] }]);
    let with_list = plain().gas_price(100_000_000).access_list(list);
    let cases = [(legacy, TxType::Legacy, 21_000), (with_list, TxType::Eip2930, 23_400)];
    for (request, kind, gas) in cases {
        let receipt = send(&client, request).await;
        assert_eq!(receipt.transaction_type(), kind);
        assert_eq!(receipt.gas_used, gas);
        let tx = client.get_transaction_by_hash(receipt.transaction_hash).await.unwrap().unwrap();
        assert_eq!(tx.inner.tx_type(), kind);
        assert_eq!(tx.inner.signer(), node.accounts()[0].address);
        assert_eq!(tx.block_hash, receipt.block_hash);
    }
    let receipt = send(&client, plain()).await;
    assert_eq!(receipt.transaction_type(), TxType::Eip1559);
    node.shutdown().await;
}

#[tokio::test]
async fn an_authorization_puts_code_behind_an_account() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let authority = node.accounts()[5].signer().unwrap();
    let authorization = Authorization { chain_id: U256::from(412_346), address: counter, nonce: 0 };
    let signature = authority.sign_hash_sync(&authorization.signature_hash()).unwrap();
    let mut request = call_to(authority.address(), word(9));
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let receipt = send(&client, request).await;
    assert!(receipt.status());
    assert_eq!(receipt.transaction_type(), TxType::Eip7702);
    let code = client.get_code_at(authority.address()).await.unwrap();
    assert_eq!(code.as_ref(), [&hex!("ef0100")[..], counter.as_slice()].concat());
    let count = client.get_storage_at(authority.address(), U256::ZERO).await.unwrap();
    assert_eq!(count, U256::from(1));
    assert_eq!(client.get_transaction_count(authority.address()).await.unwrap(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn a_transaction_without_chain_id_is_accepted() {
    let node = chain().await;
    let client = client(&node);
    let mut tx = TxLegacy {
        chain_id: None,
        gas_price: 100_000_000,
        gas_limit: 21_000,
        to: TxKind::Call(SOMEBODY),
        value: U256::from(3),
        ..TxLegacy::default()
    };
    let signer = node.accounts()[1].signer().unwrap();
    let signature = signer.sign_transaction_sync(&mut tx).unwrap();
    let raw = tx.into_signed(signature).encoded_2718();
    let pending = client.send_raw_transaction(&raw).await.unwrap();
    assert!(within(pending.get_receipt()).await.unwrap().status());
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(3));
    node.shutdown().await;
}

#[tokio::test]
async fn a_reverted_transaction_costs_gas_and_leaves_no_logs() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &crate::support::REVERTER).await;
    let receipt = send(&client, call_to(reverter, word(1)).gas_limit(100_000)).await;
    assert!(!receipt.status());
    assert!(receipt.gas_used > 21_000 && receipt.gas_used < 100_000);
    assert!(receipt.logs().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn block_roots_and_hash_follow_from_the_content() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let receipt = send(&client, call_to(counter, word(7))).await;
    let number = receipt.block_number.unwrap();
    let block = client.get_block(number.into()).full().await.unwrap().unwrap();
    assert_eq!(block.header.inner.hash_slow(), block.header.hash);
    let txs: Vec<_> = block.transactions.txns().map(|tx| tx.inner.inner().clone()).collect();
    let root = alloy::consensus::proofs::calculate_transaction_root(&txs);
    assert_eq!(root, block.header.transactions_root);
    let receipts = client.get_block_receipts(number.into()).await.unwrap().unwrap();
    let envelopes: Vec<_> =
        receipts.iter().map(|r| r.inner.clone().into_primitives_receipt()).collect();
    let root = alloy::consensus::proofs::calculate_receipt_root(&envelopes);
    assert_eq!(root, block.header.receipts_root);
    assert_eq!(*receipt.inner.logs_bloom(), block.header.logs_bloom);
    let parent = client.get_block((number - 1).into()).await.unwrap().unwrap();
    assert_eq!(parent.header.hash, block.header.parent_hash);
    node.shutdown().await;
}

#[tokio::test]
async fn blocks_and_receipts_carry_the_fields_of_arbitrum() {
    let node = chain().await;
    let receipt = send(&client(&node), TransactionRequest::default().to(SOMEBODY)).await;
    let block = rpc(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(block["gasLimit"], "0x4000000000000");
    assert_eq!(block["difficulty"], "0x1");
    assert_eq!(block["l1BlockNumber"], "0x0");
    assert_eq!(block["sendCount"], "0x0");
    assert_eq!(block["sendRoot"], format!("0x{}", "0".repeat(64)));
    assert_eq!(block["extraData"], block["sendRoot"]);
    let mix = block["mixHash"].as_str().unwrap();
    assert_eq!(&mix[2 + 32..2 + 48], "0000000000000033", "the ArbOS version, 51");
    let hash = receipt.transaction_hash;
    let receipt = rpc(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["gasUsedForL1"], "0x0");
    assert_eq!(receipt["l1BlockNumber"], "0x0");
    node.shutdown().await;
}

#[tokio::test]
async fn dev_accounts_send_without_a_client_side_key() {
    let node = chain().await;
    let accounts = rpc(&node, "eth_accounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 10);
    let tx = json!([{ "from": accounts[3], "to": SOMEBODY, "value": "0x5" }]);
    let hash = rpc(&node, "eth_sendTransaction", tx).await;
    let receipt = rpc(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["from"], accounts[3]);
    assert_eq!(rpc(&node, "eth_getBalance", json!([SOMEBODY, "latest"])).await, "0x5");
    node.shutdown().await;
}

#[tokio::test]
async fn proofs_verify_against_the_state_root() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    send(&client, call_to(counter, word(7))).await;
    let proof = client.get_proof(counter, vec![Default::default()]).await.unwrap();
    let block = client.get_block(alloy::eips::BlockId::latest()).await.unwrap().unwrap();
    let account = alloy::consensus::TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let key = alloy::trie::Nibbles::unpack(alloy::primitives::keccak256(counter));
    let value = alloy::rlp::encode(account);
    alloy::trie::proof::verify_proof(
        block.header.state_root,
        key,
        Some(value),
        &proof.account_proof,
    )
    .unwrap();
    let slot = &proof.storage_proof[0];
    assert_eq!(slot.value, U256::from(1));
    let key = alloy::trie::Nibbles::unpack(alloy::primitives::keccak256([0; 32]));
    let value = alloy::rlp::encode(slot.value);
    alloy::trie::proof::verify_proof(proof.storage_hash, key, Some(value), &slot.proof).unwrap();
    node.shutdown().await;
}
