//! Opcodes that behave differently on Arbitrum.

use revm::{
    Database,
    bytecode::opcode,
    context::JournalTr,
    context_interface::{Host, context::ContextError},
    handler::instructions::EthInstructions,
    interpreter::{
        Instruction, InstructionContext, InstructionResult, instructions::host,
        interpreter::EthInterpreter,
    },
    primitives::{Address, hardfork::SpecId},
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
    if stylus && !ctx.interpreter.runtime_flag.is_static {
        pay_for_destruction(ctx)?;
        return Err(InstructionResult::Revert);
    }
    host::selfdestruct(ctx)
}

/// Takes the gas that depends on the beneficiary, which is due before anything is refused.
fn pay_for_destruction<DB: Database>(
    ctx: InstructionContext<'_, VmContext<'_, DB>, EthInterpreter>,
) -> Result<(), InstructionResult> {
    let acting = ctx.interpreter.input.target_address;
    let target = ctx.interpreter.stack.pop().map_err(|_| InstructionResult::StackUnderflow)?;
    let mut load = |address| match ctx.host.journaled_state.load_account(address) {
        Ok(account) => Ok((account.is_cold, account.data.is_empty(), account.data.info.balance)),
        Err(error) => {
            ctx.host.error = Err(ContextError::Db(error));
            Err(InstructionResult::FatalExternalError)
        }
    };
    let (_, _, balance) = load(acting)?;
    let (is_cold, is_empty, _) = load(Address::from_word(target.into()))?;
    let revives = is_empty && !balance.is_zero();
    let gas = ctx.host.gas_params().selfdestruct_cost(revives, is_cold);
    if ctx.interpreter.gas.record_regular_cost(gas) {
        Ok(())
    } else {
        Err(InstructionResult::OutOfGas)
    }
}
