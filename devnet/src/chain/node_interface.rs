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
            Ok(question) => self.answer(question, &input.request).map(Bytes::from),
            Err(_) => Err(CallError::Reverted(Bytes::new())),
        })
    }

    fn answer(&self, question: Question, outer: &TransactionRequest) -> Result<Vec<u8>, CallError> {
        let base_fee = U256::from(self.block.base_fee());
        match question {
            Question::gasEstimateComponents(call) => {
                let request = inner(outer, call.to, call.contractCreation, call.data);
                let l1_gas = self.poster_gas(&request)?;
                let gas = self.clone().estimate(CallInput { request, ..CallInput::default() })?;
                let answer = NodeInterface::gasEstimateComponentsReturn {
                    gasEstimate: gas,
                    gasEstimateForL1: l1_gas,
                    baseFee: base_fee,
                    l1BaseFeeEstimate: self.l1_price()?,
                };
                Ok(NodeInterface::gasEstimateComponentsCall::abi_encode_returns(&answer))
            }
            Question::gasEstimateL1Component(_) => {
                let answer = NodeInterface::gasEstimateL1ComponentReturn {
                    gasEstimateForL1: 0,
                    baseFee: base_fee,
                    l1BaseFeeEstimate: U256::ZERO,
                };
                Ok(NodeInterface::gasEstimateL1ComponentCall::abi_encode_returns(&answer))
            }
            Question::nitroGenesisBlock(_) => {
                Ok(NodeInterface::nitroGenesisBlockCall::abi_encode_returns(&U256::ZERO))
            }
            Question::blockL1Num(call) if call.l2BlockNum <= self.block.number() => {
                Ok(NodeInterface::blockL1NumCall::abi_encode_returns(&self.block.l1_number))
            }
            Question::l2BlockRangeForL1(call) if call.blockNum == self.block.l1_number => {
                let answer = NodeInterface::l2BlockRangeForL1Return {
                    firstBlock: 0,
                    lastBlock: self.block.number(),
                };
                Ok(NodeInterface::l2BlockRangeForL1Call::abi_encode_returns(&answer))
            }
            _ => Err(CallError::Halted("requested block does not exist".to_owned())),
        }
    }
}

/// The transaction asked about: sender, gas, fees and value are those of the question.
fn inner(
    outer: &TransactionRequest,
    to: Address,
    creation: bool,
    data: Bytes,
) -> TransactionRequest {
    TransactionRequest {
        to: Some(if creation { TxKind::Create } else { TxKind::Call(to) }),
        input: data.into(),
        ..outer.clone()
    }
}
