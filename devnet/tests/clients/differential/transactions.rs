//! Random transactions of every kind and type, signed.

use super::dice::Dice;
use super::precompiled;
use super::program::Program;
use alloy::consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy,
};
use alloy::consensus::{Transaction, TypedTransaction};
use alloy::eips::eip2930::{AccessList, AccessListItem};
use alloy::eips::eip7702::{Authorization, SignedAuthorization};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, bytes};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::SolCall;

/// Chain id of both nodes.
pub const CHAIN: u64 = 412_346;
/// Wei per gas of every block of both nodes.
pub const BASE_FEE: u64 = 100_000_000;
/// Calls the address in the first word of its input with the rest, and logs what comes back.
pub const PROBER: Bytes = bytes!("602036038060205f375f5f825f345f355af13d5f5f3e3d5fa1");

sol! {
    interface Token {
        function approve(address spender, uint256 value) external returns (bool);
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
    }
}

/// Input of a transfer of tokens.
pub fn transfer(to: Address, value: u64) -> Bytes {
    Token::transferCall { to, value: U256::from(value) }.abi_encode().into()
}

/// Input of an approval.
pub fn approve(spender: Address, value: u64) -> Bytes {
    Token::approveCall { spender, value: U256::from(value) }.abi_encode().into()
}

/// Input of the question for a balance.
pub fn balance_of(owner: Address) -> Bytes {
    Token::balanceOfCall { owner }.abi_encode().into()
}

/// Who sends, and what there is to send to.
#[derive(Debug)]
pub struct World {
    pub dice: Dice,
    pub senders: Vec<(PrivateKeySigner, u64)>,
    pub authorities: Vec<(PrivateKeySigner, u64)>,
    pub receivers: Vec<Address>,
    pub contracts: Vec<Address>,
    pub token: Address,
    pub prober: Address,
}

/// What a transaction is about, before fees and a signature.
struct Body {
    to: TxKind,
    value: u64,
    input: Bytes,
    /// Gas beyond what is charged up front.
    gas: u64,
}

impl World {
    /// The next transaction of a sender.
    pub fn transaction(&mut self, sender: usize) -> TxEnvelope {
        let body = self.body();
        let authorizations = self.authorizations(sender, body.to);
        let access_list = self.access_list();
        let (key, nonce) = &mut self.senders[sender];
        let key = key.clone();
        let (nonce, chain_id) = (std::mem::replace(nonce, *nonce + 1), CHAIN);
        let Body { to, value, input, gas } = body;
        let (value, gas_price) = (U256::from(value), u128::from(BASE_FEE));
        let tip = if self.dice.percent(25) { u128::from(self.dice.below(5_000)) } else { 0 };
        let (max_fee_per_gas, max_priority_fee_per_gas) = (2 * gas_price, tip);
        let mut typed = match (to.into_to(), authorizations.is_empty(), self.dice.below(3)) {
            (Some(to), false, _) => TypedTransaction::Eip7702(TxEip7702 {
                chain_id,
                nonce,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to,
                value,
                access_list,
                authorization_list: authorizations,
                input,
                gas_limit: 0,
            }),
            (_, _, 0) => {
                let chain_id = self.dice.percent(80).then_some(chain_id);
                let gas_limit = 0;
                TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }.into()
            }
            (_, _, 1) => {
                let gas_limit = 0;
                TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }
                    .into()
            }
            _ => TypedTransaction::Eip1559(TxEip1559 {
                chain_id,
                nonce,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to,
                value,
                access_list,
                input,
                gas_limit: 0,
            }),
        };
        let gas_limit = intrinsic(&typed).max(floor(typed.input())) + gas;
        match &mut typed {
            TypedTransaction::Legacy(tx) => tx.gas_limit = gas_limit,
            TypedTransaction::Eip2930(tx) => tx.gas_limit = gas_limit,
            TypedTransaction::Eip1559(tx) => tx.gas_limit = gas_limit,
            TypedTransaction::Eip7702(tx) => tx.gas_limit = gas_limit,
            TypedTransaction::Eip4844(_) => unreachable!("none is made"),
        }
        sign(typed, &key)
    }

    /// A transaction without surprises; creates a contract if there is no receiver.
    pub fn plain(
        &mut self,
        sender: usize,
        to: Option<Address>,
        value: u64,
        input: Bytes,
    ) -> TxEnvelope {
        let (key, nonce) = &mut self.senders[sender];
        let tx = TxLegacy {
            chain_id: Some(CHAIN),
            nonce: std::mem::replace(nonce, *nonce + 1),
            gas_price: u128::from(BASE_FEE),
            gas_limit: 1_500_000,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value: U256::from(value),
            input,
        };
        sign(tx.into(), key)
    }

    fn body(&mut self) -> Body {
        let gas = self.gas();
        let dice = &mut self.dice;
        let value = if dice.percent(60) { 0 } else { dice.below(1_000_000) };
        let (to, value, input) = match dice.below(100) {
            0..10 => {
                let to = dice.address();
                let to = dice.pick(&[to, self.receivers[0], self.receivers[1]]);
                (to.into(), value, if dice.percent(70) { Bytes::new() } else { dice.data(600) })
            }
            10..25 => (self.token.into(), 0, self.token_call()),
            25..45 => {
                let number = dice.pick(&precompiled::ALL);
                let input = precompiled::input(dice, number);
                if dice.percent(30) {
                    (precompiled::address(number).into(), value, input.into())
                } else {
                    let target = precompiled::address(number).into_word();
                    (self.prober.into(), value, [target.as_slice(), &input].concat().into())
                }
            }
            45..60 => (TxKind::Create, value, self.creation()),
            60..75 => (TxKind::Create, value, Program::random(dice, &self.contracts).into()),
            _ => (dice.pick(&self.contracts).into(), value, dice.data(200)),
        };
        Body { to, value, input, gas }
    }

    /// Enough, or not.
    fn gas(&mut self) -> u64 {
        match self.dice.below(10) {
            0 => self.dice.below(2_000),
            1 => self.dice.below(60_000),
            _ => 600_000,
        }
    }

    fn token_call(&mut self) -> Bytes {
        let dice = &mut self.dice;
        let senders: Vec<_> = self.senders.iter().map(|(key, _)| key.address()).collect();
        let (from, to) = (dice.pick(&senders), dice.pick(&senders));
        let to = if dice.percent(30) { dice.pick(&self.receivers) } else { to };
        let value = if dice.percent(90) { U256::from(dice.below(1_000)) } else { dice.word() };
        let mut call = match dice.below(4) {
            0 => Token::approveCall { spender: to, value }.abi_encode(),
            1 => Token::transferFromCall { from, to, value }.abi_encode(),
            _ => Token::transferCall { to, value }.abi_encode(),
        };
        if dice.percent(5) {
            call.truncate(dice.size(call.len()));
        }
        call.into()
    }

    /// Init code of random contracts, and of some that may not be.
    fn creation(&mut self) -> Bytes {
        let dice = &mut self.dice;
        let runtime = match dice.below(20) {
            0 => [vec![0xef], dice.bytes(20)].concat(),
            1 => vec![0; 24_577],
            2 => dice.pick(&[vec![], vec![0], PROBER.to_vec()]),
            _ => Program::random(dice, &self.contracts),
        };
        Program::init(dice, &self.contracts, &runtime).into()
    }

    fn access_list(&mut self) -> AccessList {
        let dice = &mut self.dice;
        if dice.percent(60) {
            return AccessList::default();
        }
        let count = dice.below(4);
        let item = |_| {
            let address =
                if dice.percent(70) { dice.pick(&self.contracts) } else { dice.address() };
            let slots = dice.below(4);
            let slot = |_| B256::from(U256::from(dice.below(super::program::SLOTS)));
            AccessListItem { address, storage_keys: (0..slots).map(slot).collect() }
        };
        AccessList((0..count).map(item).collect())
    }

    fn authorizations(&mut self, sender: usize, to: TxKind) -> Vec<SignedAuthorization> {
        if to.is_create() || self.dice.percent(85) {
            return Vec::new();
        }
        let count = 1 + self.dice.below(3);
        (0..count).map(|_| self.authorization(sender)).collect()
    }

    /// An authorization that mostly counts.
    fn authorization(&mut self, sender: usize) -> SignedAuthorization {
        let dice = &mut self.dice;
        let delegate = dice.pick(&self.contracts);
        let address = if dice.percent(15) { Address::ZERO } else { delegate };
        let own = dice.percent(5);
        let (key, nonce) = if own {
            let (key, nonce) = &self.senders[sender];
            // Its own transaction raises the nonce first; it stays wrong, so that it fails.
            (key.clone(), *nonce + 7)
        } else {
            let index = dice.size(self.authorities.len());
            let (key, nonce) = &mut self.authorities[index];
            let valid = dice.percent(85);
            let used = if valid { std::mem::replace(nonce, *nonce + 1) } else { *nonce + 1 };
            (key.clone(), used)
        };
        let chain_id = U256::from(if dice.percent(50) { CHAIN } else { 0 });
        let authorization = Authorization { chain_id, address, nonce };
        let signature = key.sign_hash_sync(&authorization.signature_hash()).unwrap();
        authorization.into_signed(signature)
    }
}

/// Signs a transaction.
pub fn sign(typed: TypedTransaction, key: &PrivateKeySigner) -> TxEnvelope {
    let signature = key.sign_hash_sync(&typed.signature_hash()).unwrap();
    typed.into_envelope(signature)
}

fn tokens(input: &[u8]) -> u64 {
    input.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum()
}

/// The least that Ethereum charges for a transaction with this input since EIP-7623.
pub fn floor(input: &[u8]) -> u64 {
    21_000 + 10 * tokens(input)
}

/// What is charged before anything runs.
pub fn intrinsic(tx: &TypedTransaction) -> u64 {
    let creation = match tx.is_create() {
        true => 32_000 + 2 * (tx.input().len() as u64).div_ceil(32),
        false => 0,
    };
    let lists = tx.access_list().map_or(0, |list| {
        let slots: usize = list.iter().map(|item| item.storage_keys.len()).sum();
        2_400 * list.len() as u64 + 1_900 * slots as u64
    });
    let authorizations = tx.authorization_list().map_or(0, |list| 25_000 * list.len() as u64);
    21_000 + 4 * tokens(tx.input()) + creation + lists + authorizations
}
