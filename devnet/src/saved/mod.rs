//! A chain in a file: one line of JSON that says what follows, then compressed JSON.

mod file;
mod keeper;
mod model;

pub use file::{read, write};
pub(crate) use keeper::Keeper;

use crate::chain::Moment;
use alloy::primitives::{B256, keccak256};
use model::Saved;
use serde::{Deserialize, Serialize};
use std::io::{BufReader, Read};

/// What the first line calls the format.
const FORMAT: &str = "nexus-devnet-state";
/// Version that is written, and the newest that is understood.
const VERSION: u32 = 1;
/// No state is larger than this when it is unpacked, in bytes.
const LARGEST: u64 = 16 << 30;
/// Fast compression: states are written while clients wait.
const QUALITY: u32 = 3;
const WINDOW: u32 = 22;
const BUFFER: usize = 1 << 16;

/// Why a chain cannot be saved or brought back.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// Something else.
    #[error(
        "this is no state of nexus-devnet{0}: give what --state, --dump-state or anvil_dumpState \
         of nexus-devnet wrote"
    )]
    Foreign(&'static str),
    /// Written by a later version of this program.
    #[error(
        "the state has format version {0}, and this nexus-devnet reads up to {VERSION}: use the \
         newer nexus-devnet that wrote it"
    )]
    Newer(u32),
    /// Not what was written.
    #[error("the state is damaged ({0}): take a copy, or remove it to begin anew")]
    Damaged(String),
    /// Another chain's.
    #[error(
        "the state belongs to chain id {have}, and this is {want}: start with --chain-id {have}"
    )]
    ChainId {
        /// Of the state.
        have: u64,
        /// Of the running chain.
        want: u64,
    },
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    format: String,
    version: u32,
    chain_id: u64,
    height: u64,
    length: u64,
    keccak256: B256,
}

/// Packs a chain.
///
/// # Errors
/// None in practice: it is packed in memory.
pub fn pack(moment: &Moment, chain_id: u64) -> Result<Vec<u8>, SavedError> {
    let mut body = brotli::CompressorWriter::new(Vec::new(), BUFFER, QUALITY, WINDOW);
    serde_json::to_writer(&mut body, &Saved::from(moment)).map_err(std::io::Error::from)?;
    let body = body.into_inner();
    let head = Head {
        format: FORMAT.to_owned(),
        version: VERSION,
        chain_id,
        height: moment.blocks.len().saturating_sub(1) as u64,
        length: body.len() as u64,
        keccak256: keccak256(&body),
    };
    let mut packed = serde_json::to_vec(&head).map_err(std::io::Error::from)?;
    packed.push(b'\n');
    packed.extend(body);
    Ok(packed)
}

/// Unpacks a chain with a known id.
///
/// # Errors
/// When the bytes are not what [`pack`] made of a chain with this id.
pub fn unpack(packed: &[u8], chain_id: u64) -> Result<Moment, SavedError> {
    let body = check(packed, chain_id)?;
    let unpacked = brotli::Decompressor::new(body, BUFFER).take(LARGEST);
    let saved: Saved = serde_json::from_reader(BufReader::with_capacity(BUFFER, unpacked))
        .map_err(|error| SavedError::Damaged(error.to_string()))?;
    saved.into_moment()
}

/// The compressed part, which is what the first line says.
fn check(packed: &[u8], chain_id: u64) -> Result<&[u8], SavedError> {
    let foreign = || SavedError::Foreign(guess(packed));
    let end = packed.iter().position(|byte| *byte == b'\n').unwrap_or(packed.len());
    let (head, rest) = packed.split_at(end);
    let fields: serde_json::Value = serde_json::from_slice(head).map_err(|_| foreign())?;
    if fields["format"] != FORMAT {
        return Err(foreign());
    }
    match fields["version"].as_u64().and_then(|version| u32::try_from(version).ok()) {
        None => return Err(SavedError::Damaged("version".to_owned())),
        Some(version) if version > VERSION => return Err(SavedError::Newer(version)),
        Some(_) => {}
    }
    let head: Head = serde_json::from_value(fields)
        .map_err(|error| SavedError::Damaged(format!("first line: {error}")))?;
    let body = rest.get(1..).unwrap_or_default();
    if body.len() as u64 != head.length {
        let have = body.len();
        return Err(SavedError::Damaged(format!("{have} bytes instead of {}", head.length)));
    }
    if keccak256(body) != head.keccak256 {
        return Err(SavedError::Damaged("checksum".to_owned()));
    }
    if head.chain_id != chain_id {
        return Err(SavedError::ChainId { have: head.chain_id, want: chain_id });
    }
    Ok(body)
}

/// What bytes seem to be that are not ours.
fn guess(bytes: &[u8]) -> &'static str {
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    let object = || serde_json::from_slice::<serde_json::Value>(bytes).ok();
    if gzip || object().is_some_and(|value| value["accounts"].is_object()) {
        " but looks like one of anvil, whose blocks do not fit"
    } else if bytes.is_empty() {
        ", it is empty"
    } else {
        ""
    }
}
