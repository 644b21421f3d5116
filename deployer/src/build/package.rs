//! The chain's form of a program: a prefix, then the module compressed by brotli.

use brotli::enc::BrotliEncoderParams;

/// 0xEFF000 marks a Stylus program; the fourth byte says: no dictionary.
pub const PREFIX: [u8; 4] = [0xef, 0xf0, 0x00, 0x00];
/// Longest code of an account (EIP-170), bytes.
pub const MAX_CODE: usize = 24_576;

/// Compresses `wasm` as small as brotli can.
pub fn package(wasm: &[u8]) -> Vec<u8> {
    let params = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: wasm.len(),
        ..BrotliEncoderParams::default()
    };
    let mut code = PREFIX.to_vec();
    let mut input = wasm;
    // Reading from a slice and writing to a vector cannot fail.
    let _ = brotli::BrotliCompress(&mut input, &mut code, &params);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let wasm: Vec<u8> = (0..50_000u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let code = package(&wasm);
        let mut stream = code.strip_prefix(&PREFIX).expect("prefix");
        let mut out = Vec::new();
        brotli::BrotliDecompress(&mut stream, &mut out).expect("valid stream");
        assert_eq!(out, wasm);
    }
}
