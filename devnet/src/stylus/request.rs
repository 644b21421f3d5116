//! What a running program asks its frame's owner for, and the answers.

use std::sync::Arc;

use parking_lot::Mutex;
use revm::primitives::{Address, B256, Bytes, U256};

use super::trace::HostIos;

/// How a program calls another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// An ordinary call, perhaps with value.
    Call,
    /// A call that keeps sender, value and acting account.
    Delegate,
    /// A call that may change nothing.
    Static,
}

/// A call to another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest {
    /// How.
    pub kind: CallKind,
    /// Whom.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Wei; zero unless `kind` is [`CallKind::Call`].
    pub value: U256,
    /// Gas the program wants to give.
    pub gas: u64,
    /// Gas the program has.
    pub gas_left: u64,
}

/// A contract creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// Init code.
    pub code: Bytes,
    /// Wei.
    pub endowment: U256,
    /// CREATE2 salt; CREATE without.
    pub salt: Option<B256>,
    /// Gas the program has.
    pub gas_left: u64,
}

/// A question to the owner of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A storage slot; answered by [`Response::Word`].
    Load(B256),
    /// Slots to store; answered by [`Response::Gas`], `Denied` or `OutOfGas`.
    Flush {
        /// Keys and values in key order.
        slots: Vec<(B256, B256)>,
        /// Gas the program has.
        gas_left: u64,
    },
    /// A transient slot; answered by [`Response::Word`].
    TransientLoad(B256),
    /// A transient slot to set; answered by [`Response::Gas`] or `Denied`.
    TransientStore(B256, B256),
    /// A log; answered by [`Response::Gas`] or `Denied`.
    Log {
        /// At most four.
        topics: Vec<B256>,
        /// What follows the topics.
        data: Bytes,
    },
    /// A balance; answered by [`Response::Word`].
    Balance(Address),
    /// A code hash; answered by [`Response::Word`].
    CodeHash(Address),
    /// Code; answered by [`Response::Data`].
    Code(Address),
    /// Pages that are being added; answered by [`Response::Gas`].
    AddPages(u16),
    /// A call; answered by [`Response::Called`].
    Call(CallRequest),
    /// A creation; answered by [`Response::Created`] or `Denied`.
    Create(CreateRequest),
}

/// The answer to a [`Request`]; `gas` is always what the program is to be charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Done, with nothing to tell.
    Gas(u64),
    /// A 32-byte value.
    Word {
        /// The value.
        value: B256,
        /// Charge.
        gas: u64,
    },
    /// Code.
    Data {
        /// The bytes.
        data: Bytes,
        /// Charge.
        gas: u64,
    },
    /// A call has ended.
    Called {
        /// Whether it succeeded.
        success: bool,
        /// Its return data.
        data: Bytes,
        /// Charge.
        gas: u64,
    },
    /// A creation has ended.
    Created {
        /// The new account unless it failed.
        address: Option<Address>,
        /// Revert data.
        data: Bytes,
        /// Charge.
        gas: u64,
    },
    /// Not allowed here: the program fails.
    Denied,
    /// The gas does not suffice: the program is out of ink.
    OutOfGas,
}

/// Where a suspended program and its owner exchange questions and answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub request: Option<Request>,
    pub response: Option<Response>,
    pub events: HostIos,
}

impl Channel {
    pub fn with<R>(&self, f: impl FnOnce(&mut Exchange) -> R) -> R {
        f(&mut self.0.lock())
    }
}
