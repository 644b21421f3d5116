//! AgentRegistry: publishers list agents, buyers escrow the price of a run, keepers settle
//! it, and after a deadline anyone can have it refunded.
//!
//! This file is the public ABI and the only place that touches the chain: who calls, with
//! how much, when; logs; and the one outward call, in `withdraw`. The rules are methods of
//! [`storage::Book`] in files named after the phases of a purchase.
//!
//! Money is wei. What is owed, escrows and balances together, is what the registry holds
//! (plus what others force on it by selfdestruct, which nobody can take out).

#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};
use common::{guard::Guard, slots::ChainSlots, transfer};
use stylus_sdk::prelude::*;

mod admin;
mod errors;
mod events;
mod listing;
mod packed;
mod payout;
mod purchase;
#[cfg(test)]
mod sequences;
mod settlement;
mod split;
mod status;
mod storage;
#[cfg(test)]
mod testing;
mod views;

use errors::{ReentrantCall, RegistryError, TransferFailed};
use events::{Agent, Listing, Outcome, Purchase};
use purchase::Request;
use storage::{Book, GUARD};

type Answer<T> = Result<T, RegistryError>;

/// Raised with every change of the behaviour behind the ABI.
const VERSION: u32 = 2;

/// The program. It has no fields: its storage is hand-packed under one ERC-7201 namespace.
#[storage]
#[entrypoint]
pub struct AgentRegistry {}

impl AgentRegistry {
    fn book(&self) -> Book<ChainSlots<'_>> {
        Book::new(ChainSlots(self.vm()))
    }
}

/// The public ABI. Every function's SSTOREs are counted at its rule in [`storage::Book`].
#[public]
impl AgentRegistry {
    /// Once, by whoever comes first: in the transaction of the creation. 1 SSTORE.
    pub fn initialize(&mut self, owner: Address, keeper_bps: u16, protocol_bps: u16) -> Answer<()> {
        let event = self.book().initialize(owner, keeper_bps, protocol_bps)?;
        self.vm().log(events::OwnershipTransferred { from: Address::ZERO, to: owner });
        self.vm().log(event);
        Ok(())
    }

    /// The caller becomes publisher of a new agent. 6 SSTOREs.
    pub fn list(&mut self, listing: Listing, manifest: Bytes) -> Answer<U256> {
        let event = self.book().list(self.vm().msg_sender(), listing, manifest)?;
        let agent_id = event.agentId;
        self.vm().log(event);
        Ok(agent_id)
    }

    /// Publisher only: a new version of the listing. 5 SSTOREs.
    pub fn relist(&mut self, agent_id: U256, listing: Listing, manifest: Bytes) -> Answer<u32> {
        let event = self.book().relist(self.vm().msg_sender(), agent_id, listing, manifest)?;
        let version = event.version;
        self.vm().log(event);
        Ok(version)
    }

    /// Publisher only: no more purchases. 1 SSTORE.
    pub fn unlist(&mut self, agent_id: U256) -> Answer<()> {
        let event = self.book().unlist(self.vm().msg_sender(), agent_id)?;
        self.vm().log(event);
        Ok(())
    }

    /// Escrows the price of one run. 4 SSTOREs.
    #[payable]
    pub fn purchase(
        &mut self,
        agent_id: U256,
        version: u32,
        input_hash: B256,
        input: Bytes,
    ) -> Answer<u64> {
        let request = Request { agent_id, version, input_hash, input };
        let (buyer, value, now) =
            (self.vm().msg_sender(), self.vm().msg_value(), self.vm().block_timestamp());
        let event = self.book().buy(buyer, value, now, request)?;
        let purchase_id = event.purchaseId;
        self.vm().log(event);
        Ok(purchase_id)
    }

    /// Keepers only: divides an open purchase's escrow. `outcome.orderHash` must be that of
    /// the purchase; a success names its result and its receipt. 3 to 6 SSTOREs.
    pub fn settle(&mut self, purchase_id: u64, outcome: Outcome) -> Answer<()> {
        let event = self.book().settle(self.vm().msg_sender(), purchase_id, outcome)?;
        self.vm().log(event);
        Ok(())
    }

    /// Anyone, strictly after the deadline: the escrow goes back. 2 SSTOREs.
    pub fn refund(&mut self, purchase_id: u64) -> Answer<()> {
        let event = self.book().refund(purchase_id, self.vm().block_timestamp())?;
        self.vm().log(event);
        Ok(())
    }

    /// The caller's whole balance, in wei, is sent to `to`. 2 SSTOREs.
    pub fn withdraw(&mut self, to: Address) -> Answer<U256> {
        let _guard = Guard::take(GUARD).ok_or(ReentrantCall {})?;
        let event = self.book().withdraw(self.vm().msg_sender(), to)?;
        let amount = event.amount;
        self.vm().log(event);
        if !transfer::send(self.vm(), to, amount) {
            return Err(TransferFailed { to }.into());
        }
        Ok(amount)
    }

    /// Wei that `account` can withdraw.
    pub fn balance_of(&self, account: Address) -> U256 {
        U256::from(self.book().balance(account))
    }

    /// Wei in open escrows and in balances.
    pub fn total_owed(&self) -> U256 {
        U256::from(self.book().counters().owed)
    }

    /// An agent as it is listed now.
    pub fn agent_of(&self, agent_id: U256) -> Answer<Agent> {
        self.book().agent_view(agent_id)
    }

    /// A listing version and the hash of its manifest.
    pub fn listing_of(&self, agent_id: U256, version: u32) -> Answer<(Listing, B256)> {
        self.book().listing_view(agent_id, version)
    }

    /// A purchase; status 0 and all zero if there is none.
    pub fn purchase_of(&self, purchase_id: u64) -> Purchase {
        self.book().purchase_view(purchase_id)
    }

    /// Agents so far: ids run from 1 to this.
    pub fn agent_count(&self) -> U256 {
        U256::from(self.book().counters().agents)
    }

    /// Purchases so far: ids run from 1 to this.
    pub fn purchase_count(&self) -> u64 {
        self.book().counters().purchases
    }

    /// Owner only. 3 SSTOREs at first, 1 for a keeper that returns.
    pub fn add_keeper(&mut self, keeper: Address) -> Answer<()> {
        if let Some(event) = self.book().add_keeper(self.vm().msg_sender(), keeper)? {
            self.vm().log(event);
        }
        Ok(())
    }

    /// Owner only. 1 SSTORE.
    pub fn remove_keeper(&mut self, keeper: Address) -> Answer<()> {
        if let Some(event) = self.book().remove_keeper(self.vm().msg_sender(), keeper)? {
            self.vm().log(event);
        }
        Ok(())
    }

    /// Whether `account` may settle.
    pub fn is_keeper(&self, account: Address) -> bool {
        self.book().admission(account).active
    }

    /// Owner only: fees of later purchases, basis points, 2000 together at most. 1 SSTORE.
    pub fn set_fees(&mut self, keeper_bps: u16, protocol_bps: u16) -> Answer<()> {
        let event = self.book().set_fees(self.vm().msg_sender(), keeper_bps, protocol_bps)?;
        self.vm().log(event);
        Ok(())
    }

    /// Keeper and protocol fee of purchases made now, basis points.
    pub fn fees(&self) -> (u16, u16) {
        let config = self.book().config();
        (config.keeper_bps, config.protocol_bps)
    }

    /// Owner only: stops listing and buying, nothing else. 1 SSTORE.
    pub fn pause(&mut self) -> Answer<()> {
        self.set_paused(true)
    }

    /// Owner only. 1 SSTORE.
    pub fn unpause(&mut self) -> Answer<()> {
        self.set_paused(false)
    }

    /// Whether listing and buying is stopped.
    pub fn paused(&self) -> bool {
        self.book().config().paused
    }

    /// Who sets fees, keepers and the pause, and gets the protocol fee.
    pub fn owner(&self) -> Address {
        self.book().config().owner
    }

    /// Who may accept the ownership; zero if nobody.
    pub fn pending_owner(&self) -> Address {
        self.book().pending_owner()
    }

    /// Owner only: offers the ownership; zero withdraws the offer. 1 SSTORE.
    pub fn transfer_ownership(&mut self, to: Address) -> Answer<()> {
        let event = self.book().transfer_ownership(self.vm().msg_sender(), to)?;
        self.vm().log(event);
        Ok(())
    }

    /// Pending owner only. 2 SSTOREs.
    pub fn accept_ownership(&mut self) -> Answer<()> {
        let event = self.book().accept_ownership(self.vm().msg_sender())?;
        self.vm().log(event);
        Ok(())
    }

    /// Version of the behaviour behind this ABI.
    pub fn version(&self) -> u32 {
        VERSION
    }
}

impl AgentRegistry {
    fn set_paused(&mut self, paused: bool) -> Answer<()> {
        let event = self.book().set_paused(self.vm().msg_sender(), paused)?;
        self.vm().log(event);
        Ok(())
    }
}
