//! Opcodes that behave differently on Arbitrum.

use revm::{
    Database,
    bytecode::opcode,
    context::JournalTr,
    context_interface::context::ContextError,
    handler::instructions::EthInstructions,
    interpreter::{
        Instruction, InstructionContext, InstructionResult, instructions::host,
        interpreter::EthInterpreter,
    },
    primitives::hardfork::SpecId,
};

use super::VmContext;
use crate::stylus::code::Kind;

/// The instruction table: Ethereum's without BLOBBASEFEE, and with a guarded SELFDESTRUCT.
pub(super) fn table<'a, DB: Database>(
    spec: SpecId,
) -> EthInstructions<EthInterpreter, VmContext<'a, DB>> {
    let mut table = EthInstructions::new_mainnet_with_spec(spec);
    table.insert_instruction(opcode::BLOBBASEFEE, Instruction::unknown(), 0);
    let guarded = Instruction::new(selfdestruct::<DB>);
    let gas = table.gas_table()[usize::from(opcode::SELFDESTRUCT)];
    table.insert_instruction(opcode::SELFDESTRUCT, guarded, gas);
    table
}

/// Accounts whose own code is a Stylus component cannot be destroyed by EVM code that acts
/// for them.
fn selfdestruct<DB: Database>(
    ctx: InstructionContext<'_, VmContext<'_, DB>, EthInterpreter>,
) -> Result<(), InstructionResult> {
    let acting = ctx.interpreter.input.target_address;
    let arbos = ctx.host.chain.arbos();
    let code = match ctx.host.journaled_state.load_account_with_code(acting) {
        Ok(account) => account.info.code.clone().unwrap_or_default(),
        Err(error) => {
            ctx.host.error = Err(ContextError::Db(error));
            return Err(InstructionResult::FatalExternalError);
        }
    };
    let stylus = Kind::of(code.original_byte_slice(), arbos).is_some();
    if stylus {
        return Err(InstructionResult::Revert);
    }
    host::selfdestruct(ctx)
}
