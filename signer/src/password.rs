//! The keystore's password: where it may come from, and never where it may be seen.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The file that systemd's `LoadCredential=` provides in `$CREDENTIALS_DIRECTORY`.
pub const CREDENTIAL: &str = "nexus-signer-password";

/// Longest password accepted, in bytes.
const MAX_PASSWORD: usize = 1024;

/// A password that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The source could not be read.
    #[error("cannot read the password from {from}: {error}")]
    Read {
        /// Which source.
        from: String,
        /// What the system said.
        error: io::Error,
    },
    /// Nothing, or far too much.
    #[error("the password from {0} must have 1 to {MAX_PASSWORD} bytes")]
    Length(String),
    /// No source was named.
    #[error(
        "no password: give --password-file or --password-fd, or load the systemd credential \
         `{CREDENTIAL}`"
    )]
    Missing,
}

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file's content.
    File(PathBuf),
    /// The content of an open file descriptor of this process.
    Descriptor(u32),
}

impl Source {
    /// The file or descriptor if given, else the systemd credential.
    ///
    /// # Errors
    /// When none is there.
    pub fn choose(
        file: Option<PathBuf>,
        descriptor: Option<u32>,
        credentials: Option<PathBuf>,
    ) -> Result<Self, PasswordError> {
        match (file, descriptor, credentials) {
            (Some(path), _, _) => Ok(Self::File(path)),
            (None, Some(number), _) => Ok(Self::Descriptor(number)),
            (None, None, Some(directory)) => Ok(Self::File(directory.join(CREDENTIAL))),
            (None, None, None) => Err(PasswordError::Missing),
        }
    }

    /// Reads the password: all bytes but one line end at the end.
    ///
    /// # Errors
    /// When the source cannot be read, is empty or too long.
    pub fn read(&self) -> Result<Password, PasswordError> {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Descriptor(number) => Path::new("/proc/self/fd").join(number.to_string()),
        };
        let from = path.display().to_string();
        let file =
            File::open(&path).map_err(|error| PasswordError::Read { from: from.clone(), error })?;
        read_secret(file)
            .map_err(|error| PasswordError::Read { from: from.clone(), error })?
            .filter(|secret| !secret.is_empty())
            .map(Password)
            .ok_or(PasswordError::Length(from))
    }
}

/// A password. Wiped when dropped, never printed.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes a password that is at hand already, as tests and development tools have it.
    pub fn new(password: impl AsRef<[u8]>) -> Self {
        Self(Zeroizing::new(password.as_ref().to_vec()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Reads a short secret without its line end; `None` when it is too long.
///
/// # Errors
/// When the reader fails.
pub(crate) fn read_secret(reader: impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // Reserved at once: growing would leave copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD + 64));
    reader.take(MAX_PASSWORD as u64 + 3).read_to_end(&mut bytes)?;
    for end in *b"\n\r" {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok((bytes.len() <= MAX_PASSWORD).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_end_is_cut() {
        let read = |text: &str| {
            Password(read_secret(text.as_bytes()).unwrap().unwrap()).as_bytes().to_vec()
        };
        assert_eq!(read("secret"), b"secret");
        assert_eq!(read("secret\n"), b"secret");
        assert_eq!(read("secret \r\n"), b"secret ");
        assert_eq!(read("a\nb\n"), b"a\nb");
        assert!(read_secret([b'x'; MAX_PASSWORD + 1].as_slice()).unwrap().is_none());
    }

    #[test]
    fn flags_win_over_the_credential() {
        let file = || Some(PathBuf::from("/f"));
        let credentials = || Some(PathBuf::from("/run/credentials"));
        let choose = |f, d, c| Source::choose(f, d, c).unwrap();
        assert_eq!(choose(file(), Some(3), credentials()), Source::File("/f".into()));
        assert_eq!(choose(None, Some(3), credentials()), Source::Descriptor(3));
        let credential = Path::new("/run/credentials").join(CREDENTIAL);
        assert_eq!(choose(None, None, credentials()), Source::File(credential));
        assert!(matches!(Source::choose(None, None, None), Err(PasswordError::Missing)));
    }

    #[test]
    fn an_empty_file_is_no_password() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Source::File(file.path().into()).read().unwrap_err();
        assert!(matches!(error, PasswordError::Length(_)), "{error}");
    }

    #[test]
    fn debug_output_hides_the_password() {
        assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(..)");
    }
}
