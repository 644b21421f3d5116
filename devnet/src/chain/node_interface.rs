//! NodeInterface at 0xc8: no contract, but questions to the node that come as calls.

use super::view::{CallError, CallInput, View};
use alloy::primitives::{Address, Bytes, TxKind, U256, address};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolCall, SolInterface};

/// Where the questions are sent.
pub const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");

sol! {
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
        function getL1Confirmations(bytes32 blockHash) external view
            returns (uint64 confirmations);
        function findBatchContainingBlock(uint64 blockNum) external view returns (uint64 batch);
        function estimateRetryableTicket(address sender, uint256 deposit, address to,
            uint256 l2CallValue, address excessFeeRefundAddress, address callValueRefundAddress,
            bytes calldata data) external;
        function constructOutboxProof(uint64 size, uint64 leaf) external view
            returns (bytes32 send, bytes32 root, bytes32[] memory proof);
        function legacyLookupMessageBatchProof(uint256 batchNum, uint64 index) external view
            returns (bytes32[] memory proof, uint256 path, address l2Sender, address l1Dest,
                uint256 l2Block, uint256 l1Block, uint256 timestamp, uint256 amount,
                bytes memory calldataForL1);
    }
}

use NodeInterface::NodeInterfaceCalls as Question;

impl View {
    /// The answer to a request if it is one to NodeInterface.
    pub(super) fn node_interface(&self, input: &CallInput) -> Option<Result<Bytes, CallError>> {
        if input.request.to != Some(TxKind::Call(NODE_INTERFACE)) {
            return None;
        }
        let data = input.request.input.input().cloned().unwrap_or_default();
        Some(match Question::abi_decode(&data) {
            Ok(question) => self.answer(question, input).map(Bytes::from),
            Err(_) => Err(CallError::Reverted(Bytes::new())),
        })
    }

    fn answer(&self, question: Question, input: &CallInput) -> Result<Vec<u8>, CallError> {
        let fail = |text: &str| Err(CallError::Halted(text.to_owned()));
        match question {
            Question::gasEstimateComponents(call) => {
                self.gas_components(inner(input, call.to, call.contractCreation, call.data)?)
            }
            Question::gasEstimateL1Component(call) => {
                self.l1_component(inner(input, call.to, call.contractCreation, call.data)?)
            }
            Question::nitroGenesisBlock(_) => {
                Ok(NodeInterface::nitroGenesisBlockCall::abi_encode_returns(&U256::ZERO))
            }
            Question::blockL1Num(call) if call.l2BlockNum <= self.block.number() => {
                Ok(NodeInterface::blockL1NumCall::abi_encode_returns(&self.block.l1_number))
            }
            Question::blockL1Num(_) => fail("header not found"),
            Question::l2BlockRangeForL1(call) if call.blockNum == self.block.l1_number => {
                let answer = NodeInterface::l2BlockRangeForL1Return {
                    firstBlock: 0,
                    lastBlock: self.block.number(),
                };
                Ok(NodeInterface::l2BlockRangeForL1Call::abi_encode_returns(&answer))
            }
            Question::l2BlockRangeForL1(_) => {
                fail("no L2 block was found with the given L1 block number")
            }
            // Nothing is posted to a parent chain, so nothing is confirmed there.
            Question::getL1Confirmations(_) => {
                Ok(NodeInterface::getL1ConfirmationsCall::abi_encode_returns(&0))
            }
            Question::findBatchContainingBlock(_) => {
                fail("block is in no batch: this chain posts none, because it has no parent chain")
            }
            Question::estimateRetryableTicket(_) => {
                fail("retryable tickets come from a parent chain, and this chain has none")
            }
            Question::constructOutboxProof(_) => fail(
                "outbox proofs are not made here: no parent chain could check one. \
                 ArbSys.sendMerkleTreeState and its events have all that is needed for one",
            ),
            Question::legacyLookupMessageBatchProof(_) => {
                fail("this chain never had batches of the time before Nitro")
            }
        }
    }

    fn gas_components(&self, input: CallInput) -> Result<Vec<u8>, CallError> {
        let mut view = self.clone();
        view.override_with(input.state.clone(), input.block.clone())?;
        let l1_gas = view.poster_gas(&input.request)?;
        let answer = NodeInterface::gasEstimateComponentsReturn {
            gasEstimate: view.clone().estimate(input)?,
            gasEstimateForL1: l1_gas,
            baseFee: U256::from(view.context.env.basefee),
            l1BaseFeeEstimate: view.l1_price()?,
        };
        Ok(NodeInterface::gasEstimateComponentsCall::abi_encode_returns(&answer))
    }

    fn l1_component(&self, input: CallInput) -> Result<Vec<u8>, CallError> {
        let mut view = self.clone();
        view.override_with(input.state, input.block)?;
        let env = view.env(&input.request, input.request.gas.unwrap_or_default())?;
        let cost = view.vm.estimated_poster_cost(&mut view.state.clone(), &env)?;
        let base_fee = U256::from(view.context.env.basefee);
        let answer = NodeInterface::gasEstimateL1ComponentReturn {
            gasEstimateForL1: cost.checked_div(base_fee).unwrap_or_default().saturating_to(),
            baseFee: base_fee,
            l1BaseFeeEstimate: view.l1_price()?,
        };
        Ok(NodeInterface::gasEstimateL1ComponentCall::abi_encode_returns(&answer))
    }
}

/// The transaction asked about: sender, gas, fees, value and overrides are those of the question.
fn inner(
    outer: &CallInput,
    to: Address,
    creation: bool,
    data: Bytes,
) -> Result<CallInput, CallError> {
    if !creation && to == NODE_INTERFACE {
        return Err(CallError::Halted("cannot estimate virtual contract".to_owned()));
    }
    let request = TransactionRequest {
        to: Some(if creation { TxKind::Create } else { TxKind::Call(to) }),
        input: data.into(),
        ..outer.request.clone()
    };
    Ok(CallInput { request, ..outer.clone() })
}
