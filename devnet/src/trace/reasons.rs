//! The words that geth has for what ends a frame.

use alloy::rpc::types::trace::geth::CallFrame;
use revm::interpreter::InstructionResult as Ended;

/// What geth calls a failure; `None` for success.
pub(super) fn text(ended: Ended) -> Option<String> {
    if ended.is_ok() {
        return None;
    }
    let text = match ended {
        Ended::Revert => "execution reverted",
        _ if is_out_of_gas(ended) => "out of gas",
        Ended::OpcodeNotFound | Ended::NotActivated => "invalid opcode",
        Ended::InvalidFEOpcode => "invalid opcode: INVALID",
        Ended::InvalidJump => "invalid jump destination",
        Ended::StackUnderflow => "stack underflow",
        Ended::StackOverflow => "stack limit reached 1024",
        Ended::StateChangeDuringStaticCall | Ended::CallNotAllowedInsideStatic => {
            "write protection"
        }
        Ended::OutOfOffset => "return data out of bounds",
        Ended::CallTooDeep => "max call depth exceeded",
        Ended::OutOfFunds => "insufficient balance for transfer",
        Ended::CreateCollision => "contract address collision",
        Ended::CreateContractSizeLimit => "max code size exceeded",
        Ended::CreateInitCodeSizeLimit => "max initcode size exceeded",
        Ended::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        Ended::NonceOverflow => "nonce uint64 overflow",
        other => return Some(format!("{other:?}")),
    };
    Some(text.to_owned())
}

/// Whether gas is what was missing.
pub(super) const fn is_out_of_gas(ended: Ended) -> bool {
    matches!(
        ended,
        Ended::OutOfGas
            | Ended::MemoryOOG
            | Ended::MemoryLimitOOG
            | Ended::PrecompileOOG
            | Ended::InvalidOperandOOG
            | Ended::ReentrancySentryOOG
    )
}

/// Puts geth's words into a tree of calls.
pub(super) fn tidy(frame: &mut CallFrame) {
    if let Some(error) = &mut frame.error
        && error.starts_with("out of gas:")
    {
        "out of gas".clone_into(error);
    }
    frame.calls.iter_mut().for_each(tidy);
}
