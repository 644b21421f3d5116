//! Owns the check that a binary can run where there is nothing else.

/// Why a file cannot be an agent's only file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitBinary {
    /// Not an executable at all.
    #[error("the file is no 64-bit little-endian ELF executable: {0}")]
    NotElf(&'static str),
    /// Built for another machine than any engine has.
    #[error("the binary is for machine type {0}; x86-64 and arm64 are known")]
    Machine(u16),
    /// Needs a loader and libraries that an empty image lacks.
    #[error(
        "the binary is linked dynamically and needs {loader}, which an empty image lacks: build \
         it with RUSTFLAGS=\"-C target-feature=+crt-static\", or for a musl target"
    )]
    Dynamic {
        /// The loader it asks for.
        loader: String,
    },
}

const INTERPRETER: u32 = 3;

/// The name by which images call the binary's architecture.
pub(super) fn architecture(binary: &[u8]) -> Result<&'static str, UnfitBinary> {
    if binary.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err(UnfitBinary::NotElf("it begins otherwise"));
    }
    let truncated = UnfitBinary::NotElf("it is cut short");
    let kind = u16_at(binary, 16).ok_or(truncated.clone())?;
    if !matches!(kind, 2 | 3) {
        return Err(UnfitBinary::NotElf("it is an object or a core file"));
    }
    if let Some(loader) = interpreter(binary).ok_or(truncated.clone())? {
        return Err(UnfitBinary::Dynamic { loader });
    }
    match u16_at(binary, 18).ok_or(truncated)? {
        62 => Ok("amd64"),
        183 => Ok("arm64"),
        other => Err(UnfitBinary::Machine(other)),
    }
}

/// The loader named by the program headers, `None` within if there is none.
fn interpreter(binary: &[u8]) -> Option<Option<String>> {
    let table = usize::try_from(u64_at(binary, 32)?).ok()?;
    let (size, count) = (usize::from(u16_at(binary, 54)?), usize::from(u16_at(binary, 56)?));
    for index in 0..count {
        let header = table.checked_add(size.checked_mul(index)?)?;
        if u32_at(binary, header)? == INTERPRETER {
            let start = usize::try_from(u64_at(binary, header.checked_add(8)?)?).ok()?;
            let length = usize::try_from(u64_at(binary, header.checked_add(32)?)?).ok()?;
            let name = binary.get(start..start.checked_add(length)?)?;
            return Some(Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()));
        }
    }
    Some(None)
}

fn bytes_at<const N: usize>(binary: &[u8], at: usize) -> Option<[u8; N]> {
    binary.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(binary: &[u8], at: usize) -> Option<u16> {
    bytes_at(binary, at).map(u16::from_le_bytes)
}

fn u32_at(binary: &[u8], at: usize) -> Option<u32> {
    bytes_at(binary, at).map(u32::from_le_bytes)
}

fn u64_at(binary: &[u8], at: usize) -> Option<u64> {
    bytes_at(binary, at).map(u64::from_le_bytes)
}

/// The smallest static executable for tests: a header and no program headers.
#[cfg(test)]
pub(super) fn tiny() -> Vec<u8> {
    let mut binary = vec![0u8; 64];
    binary[..6].copy_from_slice(b"\x7fELF\x02\x01");
    binary[16] = 2;
    binary[18] = 62;
    binary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_binary_is_told_from_a_static_one() {
        assert_eq!(architecture(&tiny()), Ok("amd64"));
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("a binary");
        match architecture(&own) {
            Err(UnfitBinary::Dynamic { loader }) => assert!(loader.contains("ld-"), "{loader}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rubbish_is_refused_wherever_it_is_cut() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("a binary");
        for length in (0..200).chain([own.len() / 2]) {
            assert_ne!(architecture(&own[..length]), Ok("amd64"), "{length}");
        }
        assert!(
            architecture(b"#!/bin/sh\necho hello, this is a script and no ELF file\n").is_err()
        );
        let mut other = tiny();
        other[18] = 8;
        assert_eq!(architecture(&other), Err(UnfitBinary::Machine(8)));
    }
}
