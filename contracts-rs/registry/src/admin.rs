//! Initialisation, ownership, keepers, fees and the pause.

use crate::errors::*;
use crate::events::*;
use crate::packed::{Admission, Config};
use crate::split::MAX_FEES_BPS;
use crate::storage::Book;
use alloy_primitives::{Address, U256};
use common::slots::Slots;

type Result<T> = core::result::Result<T, RegistryError>;

impl<S: Slots> Book<S> {
    /// First and only set-up, in the transaction that creates the program: later anybody
    /// could be first. Writes one word.
    pub fn initialize(&mut self, owner: Address, keeper: u16, protocol: u16) -> Result<FeesSet> {
        if !self.config().owner.is_zero() {
            return Err(AlreadyInitialized {}.into());
        }
        if owner.is_zero() {
            return Err(ZeroAddress {}.into());
        }
        check_fees(keeper, protocol)?;
        self.set_config(&Config {
            owner,
            keeper_bps: keeper,
            protocol_bps: protocol,
            paused: false,
            keeper_count: 0,
        });
        Ok(FeesSet { keeperBps: keeper, protocolBps: protocol })
    }

    fn owned_config(&self, caller: Address) -> Result<Config> {
        let config = self.config();
        if config.owner != caller {
            return Err(NotOwner { caller }.into());
        }
        Ok(config)
    }

    /// Names who may take over; zero withdraws the offer. Writes one word.
    pub fn transfer_ownership(
        &mut self,
        caller: Address,
        to: Address,
    ) -> Result<OwnershipTransferStarted> {
        self.owned_config(caller)?;
        self.set_pending_owner(to);
        Ok(OwnershipTransferStarted { from: caller, to })
    }

    /// The named one takes over. Writes two words.
    pub fn accept_ownership(&mut self, caller: Address) -> Result<OwnershipTransferred> {
        if caller.is_zero() || self.pending_owner() != caller {
            return Err(NotPendingOwner { caller }.into());
        }
        let mut config = self.config();
        let from = core::mem::replace(&mut config.owner, caller);
        self.set_config(&config);
        self.set_pending_owner(Address::ZERO);
        Ok(OwnershipTransferred { from, to: caller })
    }

    /// Admits a keeper; nothing happens if it is admitted. Writes three words at first,
    /// one when a removed keeper returns.
    pub fn add_keeper(&mut self, caller: Address, keeper: Address) -> Result<Option<KeeperAdded>> {
        let mut config = self.owned_config(caller)?;
        if keeper.is_zero() {
            return Err(ZeroAddress {}.into());
        }
        let mut admission = self.admission(keeper);
        if admission.active {
            return Ok(None);
        }
        if admission.number == 0 {
            config.keeper_count += 1;
            admission.number = config.keeper_count;
            self.set_config(&config);
            self.set_keeper(admission.number, keeper);
        }
        self.set_admission(keeper, &Admission { active: true, ..admission });
        Ok(Some(KeeperAdded { keeper }))
    }

    /// Takes a keeper's right to settle; nothing happens if it has none. Writes one word.
    pub fn remove_keeper(
        &mut self,
        caller: Address,
        keeper: Address,
    ) -> Result<Option<KeeperRemoved>> {
        self.owned_config(caller)?;
        let admission = self.admission(keeper);
        if !admission.active {
            return Ok(None);
        }
        self.set_admission(keeper, &Admission { active: false, ..admission });
        Ok(Some(KeeperRemoved { keeper }))
    }

    /// Fees of purchases made from now on, basis points. Writes one word.
    pub fn set_fees(&mut self, caller: Address, keeper: u16, protocol: u16) -> Result<FeesSet> {
        let mut config = self.owned_config(caller)?;
        check_fees(keeper, protocol)?;
        config.keeper_bps = keeper;
        config.protocol_bps = protocol;
        self.set_config(&config);
        Ok(FeesSet { keeperBps: keeper, protocolBps: protocol })
    }

    /// Stops or resumes selling. Writes one word.
    pub fn set_paused(&mut self, caller: Address, paused: bool) -> Result<Paused> {
        let mut config = self.owned_config(caller)?;
        config.paused = paused;
        self.set_config(&config);
        Ok(Paused { paused })
    }

    pub(crate) fn selling_config(&self) -> Result<Config> {
        let config = self.config();
        if config.paused {
            return Err(IsPaused {}.into());
        }
        Ok(config)
    }
}

fn check_fees(keeper: u16, protocol: u16) -> Result<()> {
    let sum = u32::from(keeper) + u32::from(protocol);
    if sum > u32::from(MAX_FEES_BPS) {
        return Err(FeesTooHigh { bps: U256::from(sum) }.into());
    }
    Ok(())
}
