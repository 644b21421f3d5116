//! NodeInterface, the address that is no contract: the node itself answers.

use crate::support::{chain, client};
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use devnet::{Config, Devnet};

const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");

sol! {
    #[sol(rpc)]
    interface NodeInterface {
        function gasEstimateComponents(address to, bool contractCreation, bytes calldata data)
            external payable returns (uint64 gasEstimate, uint64 gasEstimateForL1,
                uint256 baseFee, uint256 l1BaseFeeEstimate);
        function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
            external payable returns (uint64 gasEstimateForL1, uint256 baseFee,
                uint256 l1BaseFeeEstimate);
        function nitroGenesisBlock() external pure returns (uint256 number);
        function blockL1Num(uint64 l2BlockNum) external view returns (uint64 l1BlockNum);
        function l2BlockRangeForL1(uint64 blockNum) external view
            returns (uint64 firstBlock, uint64 lastBlock);
        function getL1Confirmations(bytes32 blockHash) external view returns (uint64);
        function findBatchContainingBlock(uint64 blockNum) external view returns (uint64);
        function constructOutboxProof(uint64 size, uint64 leaf) external view
            returns (bytes32 send, bytes32 root, bytes32[] memory proof);
    }
}

#[tokio::test]
async fn blocks_and_the_parent_chain() {
    let node = chain().await;
    let client = client(&node);
    let node_interface = NodeInterface::new(NODE_INTERFACE, &client);
    assert_eq!(node_interface.nitroGenesisBlock().call().await.unwrap(), U256::ZERO);
    assert_eq!(node_interface.blockL1Num(0).call().await.unwrap(), 0);
    let range = node_interface.l2BlockRangeForL1(0).call().await.unwrap();
    assert_eq!((range.firstBlock, range.lastBlock), (0, 0));
    assert_eq!(node_interface.getL1Confirmations(B256::ZERO).call().await.unwrap(), 0);
    let told = [
        node_interface.blockL1Num(9).call().await.unwrap_err(),
        node_interface.l2BlockRangeForL1(1).call().await.map(|_| 0).unwrap_err(),
        node_interface.findBatchContainingBlock(0).call().await.unwrap_err(),
        node_interface.constructOutboxProof(1, 0).call().await.map(|_| 0).unwrap_err(),
    ]
    .map(|error| error.to_string());
    let texts = ["header not found", "no L2 block was found", "no batch", "outbox proofs"];
    for (told, text) in told.iter().zip(texts) {
        assert!(told.contains(text), "{told}");
    }
    let unknown = TransactionRequest::default().to(NODE_INTERFACE).input(vec![1, 2, 3, 4].into());
    let error = client.call(unknown).await.unwrap_err().to_string();
    assert!(error.contains("execution reverted"), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn estimates_name_what_posting_costs() {
    let price = 50_000_000_000u64;
    let node = Devnet::spawn(Config { l1_price: price, ..Config::default() }).await.unwrap();
    let client = client(&node);
    let node_interface = NodeInterface::new(NODE_INTERFACE, &client);
    let (to, from) = (Address::with_last_byte(0xee), node.accounts()[0].address);
    let data = Bytes::from(vec![0xab; 64]);
    let estimate = |data: Bytes| node_interface.gasEstimateL1Component(to, false, data).from(from);
    let short = estimate(Bytes::new()).call().await.unwrap();
    assert_eq!(short.l1BaseFeeEstimate, U256::from(price));
    let base_fee = U256::from(100_000_000);
    assert_eq!(short.baseFee, base_fee);
    // Between 80 and 160 bytes, 16 units each, 256 more, and 1 % and 10 % on top.
    let gas = |bytes: u64| (16 * bytes + 256) * 101 / 100 * 500 * 110 / 100;
    assert!((gas(80)..gas(160)).contains(&short.gasEstimateForL1), "{}", short.gasEstimateForL1);
    let noise: Vec<u8> = (0..8u8).flat_map(|n| alloy::primitives::keccak256([n]).0).collect();
    let long = estimate(noise.clone().into()).call().await.unwrap();
    // 256 bytes that do not compress, and a few more for their length.
    let more = long.gasEstimateForL1 - short.gasEstimateForL1;
    assert!((gas(256) - gas(0)..gas(270) - gas(0)).contains(&more), "{more}");

    let parts = node_interface.gasEstimateComponents(to, false, data.clone()).from(from);
    let parts = parts.call().await.unwrap();
    let request = TransactionRequest::default().from(from).to(to).input(data.into());
    assert_eq!(parts.gasEstimate, client.estimate_gas(request).await.unwrap());
    assert!(parts.gasEstimate > 21_000 + parts.gasEstimateForL1);
    assert_eq!((parts.baseFee, parts.l1BaseFeeEstimate), (base_fee, U256::from(price)));
    node.shutdown().await;
}

#[tokio::test]
async fn questions_about_questions_end() {
    let node = chain().await;
    let client = client(&node);
    let mut data = Bytes::new();
    for _ in 0..1000 {
        let call = NodeInterface::gasEstimateComponentsCall {
            to: NODE_INTERFACE,
            contractCreation: false,
            data,
        };
        data = call.abi_encode().into();
    }
    let request = TransactionRequest::default().to(NODE_INTERFACE).input(data.into());
    for error in [
        client.call(request.clone()).await.map(|_| ()).unwrap_err(),
        client.estimate_gas(request).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("cannot estimate virtual contract"), "{error}");
    }
    node.shutdown().await;
}
