//! Web3 Secret Storage, version 3: scrypt, AES-128-CTR and a Keccak-256 MAC.

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, B256, FixedBytes, Keccak256, hex};
use k256::elliptic_curve::rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keys::{Key, KeyError};
use crate::password::Password;

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

/// scrypt's block size and parallelism in files written here.
const R: u32 = 8;
const P: u32 = 1;
/// Most memory that reading a file may take, in bytes.
const MAX_MEMORY: u64 = 1 << 30;

/// How costly guessing the password is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kdf {
    /// scrypt with N = 2^17: 128 MiB and some tenths of a second for each guess.
    #[default]
    Standard,
    /// scrypt with N = 2^12, for development only: guessing is cheap.
    FastInsecure,
}

impl Kdf {
    const fn log_n(self) -> u8 {
        match self {
            Self::Standard => 17,
            Self::FastInsecure => 12,
        }
    }
}

/// A key file that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Not the JSON of a version 3 key file with scrypt and AES-128-CTR.
    #[error("not a version 3 key file with scrypt and aes-128-ctr: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version than 3.
    #[error("key file version {0} is not supported, only 3")]
    Version(u8),
    /// scrypt parameters that are invalid or would take unreasonable memory.
    #[error("scrypt parameters n={n}, r={r}, p={p} are invalid or need more than 1 GiB")]
    Parameters {
        /// Cost.
        n: u64,
        /// Block size.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// The MAC does not fit.
    #[error("wrong password, or the file was changed")]
    WrongPassword,
    /// The decrypted bytes are no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The content of a key file.
#[derive(Debug, Serialize, Deserialize)]
pub struct SecretStorage {
    version: u8,
    id: String,
    #[serde(with = "bare_hex")]
    address: FixedBytes<20>,
    crypto: Crypto,
}

#[derive(Debug, Serialize, Deserialize)]
struct Crypto {
    cipher: Cipher,
    #[serde(with = "bare_hex")]
    ciphertext: B256,
    cipherparams: CipherParams,
    kdf: KdfName,
    kdfparams: KdfParams,
    #[serde(with = "bare_hex")]
    mac: B256,
}

#[derive(Debug, Serialize, Deserialize)]
enum Cipher {
    #[serde(rename = "aes-128-ctr")]
    Aes128Ctr,
}

#[derive(Debug, Serialize, Deserialize)]
struct CipherParams {
    #[serde(with = "bare_hex")]
    iv: FixedBytes<16>,
}

#[derive(Debug, Serialize, Deserialize)]
enum KdfName {
    #[serde(rename = "scrypt")]
    Scrypt,
}

#[derive(Debug, Serialize, Deserialize)]
struct KdfParams {
    dklen: u8,
    n: u64,
    r: u32,
    p: u32,
    #[serde(with = "bare_hex")]
    salt: B256,
}

impl SecretStorage {
    /// Encrypts a key.
    ///
    /// # Errors
    /// When scrypt refuses its parameters.
    pub fn encrypt(key: &Key, password: &Password, kdf: Kdf) -> Result<Self, StorageError> {
        let (mut salt, mut iv, mut id) = (B256::ZERO, FixedBytes::<16>::ZERO, [0; 16]);
        for bytes in [salt.as_mut_slice(), iv.as_mut_slice(), &mut id] {
            OsRng.fill_bytes(bytes);
        }
        let kdfparams = KdfParams { dklen: 32, n: 1 << kdf.log_n(), r: R, p: P, salt };
        let derived = kdfparams.derive(password)?;
        let mut bytes = key.to_bytes();
        apply_cipher(&derived, &iv, &mut bytes);
        let ciphertext = B256::from(*bytes);
        let crypto = Crypto {
            cipher: Cipher::Aes128Ctr,
            ciphertext,
            cipherparams: CipherParams { iv },
            kdf: KdfName::Scrypt,
            kdfparams,
            mac: mac(&derived, &ciphertext),
        };
        Ok(Self { version: 3, id: uuid(id), address: key.address().0, crypto })
    }

    /// Decrypts the key.
    ///
    /// # Errors
    /// When the password is wrong or the file's parameters are unacceptable.
    pub fn decrypt(&self, password: &Password) -> Result<Key, StorageError> {
        let crypto = &self.crypto;
        let derived = crypto.kdfparams.derive(password)?;
        if mac(&derived, &crypto.ciphertext) != crypto.mac {
            return Err(StorageError::WrongPassword);
        }
        let mut secret = Zeroizing::new(crypto.ciphertext.0);
        apply_cipher(&derived, &crypto.cipherparams.iv, &mut secret);
        Ok(Key::from_bytes(secret.as_slice())?)
    }

    /// The address that the file names.
    pub fn address(&self) -> Address {
        Address(self.address)
    }

    /// Reads a key file's JSON.
    ///
    /// # Errors
    /// When it is of another kind.
    pub fn from_json(text: &[u8]) -> Result<Self, StorageError> {
        let storage: Self = serde_json::from_slice(text)?;
        if storage.version == 3 { Ok(storage) } else { Err(StorageError::Version(storage.version)) }
    }

    /// Writes the key file's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: nothing that JSON could not hold.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

impl KdfParams {
    fn derive(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, StorageError> {
        let refused = || StorageError::Parameters { n: self.n, r: self.r, p: self.p };
        let memory = self.n.checked_mul(u64::from(self.r)).and_then(|nr| nr.checked_mul(128));
        let sane = memory.is_some_and(|memory| memory <= MAX_MEMORY)
            && self.n.is_power_of_two()
            && self.p <= 16
            && self.dklen == 32;
        let log_n = u8::try_from(self.n.trailing_zeros()).map_err(|_| refused())?;
        if !sane {
            return Err(refused());
        }
        let params = scrypt::Params::new(log_n, self.r, self.p).map_err(|_| refused())?;
        let mut derived = Zeroizing::new([0; 32]);
        scrypt::scrypt(password.as_bytes(), self.salt.as_slice(), &params, derived.as_mut_slice())
            .map_err(|_| refused())?;
        Ok(derived)
    }
}

fn apply_cipher(derived: &[u8; 32], iv: &FixedBytes<16>, bytes: &mut [u8; 32]) {
    Aes128Ctr::new(derived[..16].into(), iv.as_slice().into()).apply_keystream(bytes);
}

fn mac(derived: &[u8; 32], ciphertext: &B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(&derived[16..]);
    hasher.update(ciphertext);
    hasher.finalize()
}

/// A random (version 4) UUID.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let (a, b, c, d, e) =
        (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Fixed bytes as hexadecimal digits without `0x`, as key files have them.
mod bare_hex {
    use alloy_primitives::{FixedBytes, hex};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &FixedBytes<N>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<FixedBytes<N>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = FixedBytes::ZERO;
        hex::decode_to_slice(&text, bytes.as_mut_slice())
            .map_err(|_| D::Error::custom(format!("expected {} hexadecimal digits", 2 * N)))?;
        Ok(bytes)
    }
}
