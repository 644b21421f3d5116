//! The bytecode format: prefixes, dictionaries, fragments and decompression.

use std::io::Read;

use revm::primitives::Address;

/// Prefix of a program that stands in one account.
const CLASSIC: [u8; 3] = [0xEF, 0xF0, 0x00];
/// Prefix of a fragment (ArbOS 60).
const FRAGMENT: [u8; 3] = [0xEF, 0xF0, 0x01];
/// Prefix of a root that lists fragments (ArbOS 60).
const ROOT: [u8; 3] = [0xEF, 0xF0, 0x02];
/// First ArbOS version with fragments and roots.
const FRAGMENTS_FROM: u64 = 60;

/// Which kind of Stylus code an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole program.
    Classic,
    /// A part of a program; cannot be called.
    Fragment,
    /// A program whose parts are elsewhere.
    Root,
}

impl Kind {
    /// Looks at the prefix, by the rules of an ArbOS version.
    #[must_use]
    pub fn of(code: &[u8], arbos: u64) -> Option<Self> {
        let prefix: [u8; 3] = code.get(..3)?.try_into().ok()?;
        match prefix {
            _ if code.len() <= 3 => None,
            CLASSIC => Some(Self::Classic),
            FRAGMENT if arbos >= FRAGMENTS_FROM => Some(Self::Fragment),
            ROOT if arbos >= FRAGMENTS_FROM => Some(Self::Root),
            _ => None,
        }
    }

    /// Whether a call to such code starts the WASM engine.
    #[must_use]
    pub const fn is_program(self) -> bool {
        matches!(self, Self::Classic | Self::Root)
    }
}

/// Code that cannot be turned into a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Only dictionary 0 (none) is supported.
    #[error("unsupported dictionary type {0}")]
    Dictionary(u8),
    /// The brotli stream is broken or longer than allowed.
    #[error("the program does not decompress into {limit} bytes")]
    Brotli {
        /// Allowed (classic) or declared (root) length in bytes.
        limit: usize,
    },
    /// A root's header or list of fragments is malformed.
    #[error("malformed root program: {0}")]
    Root(&'static str),
}

/// A root's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Dictionary type.
    pub dictionary: u8,
    /// Declared length of the module in bytes.
    pub length: u32,
    /// Accounts that hold the fragments, in order.
    pub fragments: Vec<Address>,
}

impl Root {
    /// Reads the header of code with the root prefix.
    ///
    /// # Errors
    /// When it is too short or not a whole number of addresses.
    pub fn parse(code: &[u8]) -> Result<Self, CodeError> {
        let header: [u8; 8] = code
            .get(..8)
            .and_then(|head| head.try_into().ok())
            .ok_or(CodeError::Root("header too short"))?;
        let (fragments, rest) = code[8..].as_chunks::<20>();
        if !rest.is_empty() {
            return Err(CodeError::Root("not a whole number of fragment addresses"));
        }
        let [_, _, _, dictionary, length @ ..] = header;
        Ok(Self {
            dictionary,
            length: u32::from_be_bytes(length),
            fragments: fragments.iter().map(Address::from).collect(),
        })
    }
}

/// Payload of a fragment: everything after the prefix.
#[must_use]
pub fn fragment_payload(code: &[u8]) -> &[u8] {
    code.get(3..).unwrap_or_default()
}

/// Unpacks a classic program into a module of at most `limit` bytes.
///
/// # Errors
/// Unknown dictionary, bad stream, too much output.
pub fn decompress_classic(code: &[u8], limit: usize) -> Result<Vec<u8>, CodeError> {
    let dictionary = code.get(3).copied().unwrap_or_default();
    decompress(dictionary, code.get(4..).unwrap_or_default(), limit)
}

/// Unpacks the joined payloads of a root's fragments; the length must match exactly.
///
/// # Errors
/// As [`decompress_classic`], and on another length than declared.
pub fn decompress_root(root: &Root, joined: &[u8]) -> Result<Vec<u8>, CodeError> {
    let limit = root.length as usize;
    let wasm = decompress(root.dictionary, joined, limit)?;
    if wasm.len() == limit { Ok(wasm) } else { Err(CodeError::Brotli { limit }) }
}

fn decompress(dictionary: u8, stream: &[u8], limit: usize) -> Result<Vec<u8>, CodeError> {
    if dictionary != 0 {
        return Err(CodeError::Dictionary(dictionary));
    }
    let mut wasm = Vec::new();
    brotli::Decompressor::new(stream, 4096)
        .take(limit as u64 + 1)
        .read_to_end(&mut wasm)
        .map_err(|_| CodeError::Brotli { limit })?;
    if wasm.len() > limit {
        return Err(CodeError::Brotli { limit });
    }
    Ok(wasm)
}

/// Packs a module as the tools do: prefix, no dictionary, brotli quality 11, window 22.
#[must_use]
pub fn compress_classic(wasm: &[u8]) -> Vec<u8> {
    let mut code = [CLASSIC.as_slice(), &[0]].concat();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    // Writing into a Vec cannot fail.
    let _ = brotli::BrotliCompress(&mut &*wasm, &mut code, &params);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_need_a_fourth_byte_and_the_right_version() {
        assert_eq!(Kind::of(&CLASSIC, 51), None);
        assert_eq!(Kind::of(&[0xEF, 0xF0, 0, 0], 51), Some(Kind::Classic));
        assert_eq!(Kind::of(&[0xEF, 0xF0, 1, 0], 51), None);
        assert_eq!(Kind::of(&[0xEF, 0xF0, 1, 0], 60), Some(Kind::Fragment));
        assert_eq!(Kind::of(&[0xEF, 0xF0, 2, 0], 60), Some(Kind::Root));
        assert_eq!(Kind::of(&[0x60, 0, 0, 0], 60), None);
    }

    #[test]
    fn round_trip_limits_and_trailing_bytes() {
        let wasm: Vec<u8> = (0..2000u32).map(|i| (i % 251) as u8).collect();
        let mut code = compress_classic(&wasm);
        assert_eq!(decompress_classic(&code, 2000).as_deref(), Ok(&wasm[..]));
        assert_eq!(decompress_classic(&code, 1999), Err(CodeError::Brotli { limit: 1999 }));
        code.extend([1, 2, 3]);
        assert_eq!(decompress_classic(&code, 4000).as_deref(), Ok(&wasm[..]));
        code[3] = 1;
        assert_eq!(decompress_classic(&code, 4000), Err(CodeError::Dictionary(1)));
        assert!(decompress_classic(&[0xEF, 0xF0, 0, 0, 0xff, 0xff], 4000).is_err());
    }

    #[test]
    fn roots_are_a_header_and_whole_addresses() {
        let mut code = vec![0xEF, 0xF0, 2, 0, 0, 0, 1, 0];
        code.extend([7; 20]);
        let root = Root::parse(&code).expect("well formed");
        assert_eq!((root.length, root.fragments.len()), (256, 1));
        code.push(0);
        assert!(Root::parse(&code).is_err());
    }
}
