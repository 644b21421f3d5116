//! Inputs of the precompiled contracts 1 to 0x11 and 0x100: valid ones, and nearly valid ones.

use super::dice::Dice;
use alloy::hex;
use alloy::primitives::{Address, B256, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

/// Every precompiled contract of Osaka.
pub const ALL: [u64; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 0x100];

/// Generators and prime of the curve alt_bn128; a point and its opposite.
const BN_PRIME: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
const BN_G1: &str = "0000000000000000000000000000000000000000000000000000000000000001\
                     0000000000000000000000000000000000000000000000000000000000000002";
const BN_G1_NEGATED: &str = "0000000000000000000000000000000000000000000000000000000000000001\
                             30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45";
const BN_G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
                     1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
                     090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
                     12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";
/// Generators of BLS12-381, each coordinate in 64 bytes.
const BLS_G1: &str = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f\
                      c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb\
                      0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4\
                      fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
const BLS_G2: &str = "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051\
                      c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8\
                      0000000000000000000000000000000013e02b6052719f607dacd3a088274f65\
                      596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e\
                      000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a\
                      adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801\
                      000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99\
                      cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
/// A signature of the P-256 curve with its message's hash and its key.
const P256: &str = "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d\
                    a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac\
                    36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60\
                    4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3\
                    7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e";

/// The address of a precompiled contract.
pub fn address(number: u64) -> Address {
    Address::from_word(U256::from(number).into())
}

/// An input for a precompiled contract, valid more often than not.
pub fn input(dice: &mut Dice, number: u64) -> Vec<u8> {
    let mut input = valid(dice, number);
    match dice.below(10) {
        0 => input = dice.data(400).to_vec(),
        1 => input.truncate(dice.size(input.len() + 1)),
        2 => input.extend(dice.data(40)),
        3 if !input.is_empty() => {
            let index = dice.size(input.len());
            input[index] ^= 1 << dice.below(8);
        }
        _ => {}
    }
    input
}

fn valid(dice: &mut Dice, number: u64) -> Vec<u8> {
    match number {
        1 => recovery(dice),
        5 => exponentiation(dice),
        6 => [bn_point(dice), bn_point(dice)].concat(),
        7 => [bn_point(dice), word(dice)].concat(),
        8 => bn_pairing(dice),
        9 => blake2f(dice),
        10 => evaluation(dice),
        11 => [bls_point(dice, BLS_G1), bls_point(dice, BLS_G1)].concat(),
        12 => repeat(dice, |dice| [bls_point(dice, BLS_G1), word(dice)].concat()),
        13 => [bls_point(dice, BLS_G2), bls_point(dice, BLS_G2)].concat(),
        14 => repeat(dice, |dice| [bls_point(dice, BLS_G2), word(dice)].concat()),
        15 => repeat(dice, |dice| [bls_point(dice, BLS_G1), bls_point(dice, BLS_G2)].concat()),
        16 => field_element(dice),
        17 => [field_element(dice), field_element(dice)].concat(),
        0x100 => hex::decode(P256).unwrap(),
        _ => dice.data(300).to_vec(),
    }
}

fn word(dice: &mut Dice) -> Vec<u8> {
    dice.word().to_be_bytes_vec()
}

fn repeat(dice: &mut Dice, mut part: impl FnMut(&mut Dice) -> Vec<u8>) -> Vec<u8> {
    let count = 1 + dice.below(3);
    (0..count).flat_map(|_| part(dice)).collect()
}

fn recovery(dice: &mut Dice) -> Vec<u8> {
    let key = PrivateKeySigner::from_slice(&[1 + dice.bytes(1)[0] / 2; 32]).unwrap();
    let hash = B256::from_slice(&dice.bytes(32));
    let signature = key.sign_hash_sync(&hash).unwrap();
    let v = U256::from(27 + u64::from(signature.v()));
    let parts = [hash.into(), v, signature.r(), signature.s()];
    parts.iter().flat_map(|part: &U256| part.to_be_bytes::<32>()).collect()
}

fn exponentiation(dice: &mut Dice) -> Vec<u8> {
    let lengths = [dice.size(70), dice.size(40), dice.size(70)];
    let mut input: Vec<u8> =
        lengths.iter().flat_map(|length| U256::from(*length).to_be_bytes::<32>()).collect();
    for length in lengths {
        input.extend(dice.bytes(length));
    }
    input
}

fn bn_point(dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => vec![0; 64],
        1 => hex::decode([BN_PRIME, &BN_G1[64..]].concat()).unwrap(),
        2..5 => hex::decode(BN_G1_NEGATED).unwrap(),
        _ => hex::decode(BN_G1).unwrap(),
    }
}

fn bn_pairing(dice: &mut Dice) -> Vec<u8> {
    let count = dice.below(4);
    (0..count).flat_map(|_| [bn_point(dice), hex::decode(BN_G2).unwrap()].concat()).collect()
}

fn blake2f(dice: &mut Dice) -> Vec<u8> {
    let rounds = u32::try_from(dice.below(600)).unwrap();
    let last = dice.below(2).to_le_bytes()[0];
    [&rounds.to_be_bytes()[..], &dice.bytes(208), &[last]].concat()
}

/// The commitment to the polynomial 0, whose value is 0 everywhere.
fn evaluation(dice: &mut Dice) -> Vec<u8> {
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    let mut hash: [u8; 32] =
        revm::precompile::kzg_point_evaluation::kzg_to_versioned_hash(&infinity);
    if dice.percent(10) {
        hash[0] = 2;
    }
    let z = U256::from(dice.draw()).to_be_bytes::<32>();
    [&hash[..], &z, &[0; 32], &infinity, &infinity].concat()
}

fn bls_point(dice: &mut Dice, generator: &str) -> Vec<u8> {
    let point = hex::decode(generator).unwrap();
    if dice.percent(20) { vec![0; point.len()] } else { point }
}

fn field_element(dice: &mut Dice) -> Vec<u8> {
    [vec![0; 32], word(dice)].concat()
}
