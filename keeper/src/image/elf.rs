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
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

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
        X86_64 => Ok("amd64"),
        AARCH64 => Ok("arm64"),
        other => Err(UnfitBinary::Machine(other)),
    }
}

/// The name by which images call the machine that a program is for; `None` if it is no program
/// for a machine that has such a name.
pub(super) fn machine(binary: &[u8]) -> Option<&'static str> {
    if binary.get(..4) != Some(b"\x7fELF") || binary.get(5) != Some(&1) {
        return None;
    }
    match u16_at(binary, 18)? {
        3 => Some("386"),
        40 => Some("arm"),
        X86_64 => Some("amd64"),
        AARCH64 => Some("arm64"),
        243 => Some("riscv64"),
        _ => None,
    }
}

/// The loader named by the program headers, `None` within if there is none. For a file that is
/// no 64-bit program, too, it is `None`.
pub(super) fn interpreter(binary: &[u8]) -> Option<Option<String>> {
    if binary.get(..6) != Some(b"\x7fELF\x02\x01") {
        return None;
    }
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

/// A whole program that ends at once with exit code 0, for that architecture.
pub(super) fn ends_at_once(architecture: &str) -> Option<Vec<u8>> {
    let (machine, code): (u16, &[u8]) = match architecture {
        // mov edi, 0; mov eax, 60 (exit); syscall
        "amd64" => (X86_64, &[0xbf, 0, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]),
        // mov x0, 0; mov x8, 93 (exit); svc 0
        "arm64" => (AARCH64, &[0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0, 0, 0xd4]),
        _ => return None,
    };
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let size = HEADERS + code.len() as u64;
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    program.extend(2u16.to_le_bytes());
    program.extend(machine.to_le_bytes());
    program.extend(1u32.to_le_bytes());
    // Entry, program headers, section headers.
    [BASE + HEADERS, 64, 0].iter().for_each(|word| program.extend(word.to_le_bytes()));
    program.extend(0u32.to_le_bytes());
    [64u16, 56, 1, 64, 0, 0].iter().for_each(|word| program.extend(word.to_le_bytes()));
    // One segment to load: readable and executable, the file as it is.
    [1u32, 5].iter().for_each(|word| program.extend(word.to_le_bytes()));
    [0, BASE, BASE, size, size, 0x1_0000]
        .iter()
        .for_each(|word| program.extend(word.to_le_bytes()));
    program.extend(code);
    Some(program)
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
    fn the_program_that_ends_at_once_does() {
        for architecture in ["amd64", "arm64"] {
            let program = ends_at_once(architecture).expect("a program");
            assert_eq!(super::architecture(&program), Ok(architecture));
            assert_eq!(machine(&program), Some(architecture));
        }
        assert_eq!(ends_at_once("s390x"), None);
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
