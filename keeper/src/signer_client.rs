//! The keeper's side of the conversation with `nexus-signer`, over a Unix socket.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use domain::bundle::BundleTransaction;
use domain::receipt::ExecutionReceipt;
use domain::userop::PackedUserOperation;
use domain::wire::{
    FrameError, MAX_FRAME, RefusalCode, Request, Response, SignReceipt, SignUserOperation,
    SignerCaps, encode_frame,
};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Requests that are under way at once, each on its own connection.
const CONNECTIONS: usize = 4;

/// No signature was had.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The socket does not answer.
    #[error("the signer at {socket} does not answer: {reason}")]
    Unreachable {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        reason: String,
    },
    /// It answered something else than was asked, or not readably.
    #[error("the signer's answer to {asked} cannot be used: {reason}")]
    Protocol {
        /// What was asked.
        asked: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// Its policy or journal forbids it.
    #[error("the signer refused {asked} ({code}): {message}")]
    Refused {
        /// What was asked.
        asked: &'static str,
        /// Why, for programs.
        code: RefusalCode,
        /// Why, for people.
        message: String,
    },
}

impl SignerError {
    /// Whether the very same request may be granted later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Protocol { .. } => false,
            Self::Refused { code, .. } => code.is_retryable(),
        }
    }

    /// The reason of a refusal.
    pub const fn refusal(&self) -> Option<RefusalCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// The two addresses whose keys the signer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerInfo {
    /// Owns the keeper's smart account.
    pub owner: Address,
    /// Sends bundles.
    pub bundler: Address,
    /// The caps of its policy, if it tells them.
    pub caps: Option<SignerCaps>,
}

/// A few connections that are opened at need and again after a fault, with one request at a time
/// on each.
#[derive(Debug)]
pub struct SignerClient {
    socket: PathBuf,
    patience: Duration,
    idle: Mutex<Vec<UnixStream>>,
    places: Semaphore,
    caps: Mutex<Option<SignerCaps>>,
}

impl SignerClient {
    /// A client of the signer at `socket` that waits `patience` for each answer.
    pub fn new(socket: PathBuf, patience: Duration) -> Self {
        let (idle, caps) = (Mutex::default(), Mutex::default());
        Self { socket, patience, idle, places: Semaphore::new(CONNECTIONS), caps }
    }

    /// Returns the caps of the signer's policy as it last told them, if it did.
    pub fn caps(&self) -> Option<SignerCaps> {
        *self.caps.lock()
    }

    /// Which keys the signer holds.
    ///
    /// # Errors
    /// As [`SignerError`] tells.
    pub async fn info(&self) -> Result<SignerInfo, SignerError> {
        match self.ask("its addresses", &Request::Info).await? {
            Response::Info { owner, bundler, caps } => {
                *self.caps.lock() = caps;
                Ok(SignerInfo { owner, bundler, caps })
            }
            other => Err(unexpected("its addresses", &other)),
        }
    }

    /// Signs an operation: its hash and signature.
    ///
    /// # Errors
    /// As [`SignerError`] tells.
    pub async fn sign_user_operation(
        &self,
        chain_id: u64,
        entry_point: Address,
        user_op: PackedUserOperation,
    ) -> Result<(B256, Bytes), SignerError> {
        const ASKED: &str = "a UserOperation";
        let expected = user_op.hash(entry_point, chain_id);
        let request = SignUserOperation { chain_id, entry_point, user_op };
        match self.ask(ASKED, &Request::SignUserOperation(request)).await? {
            Response::UserOperation { hash, signature } if hash == expected => {
                Ok((hash, signature))
            }
            other => Err(unexpected(ASKED, &other)),
        }
    }

    /// Signs a bundle: its transaction hash and raw bytes.
    ///
    /// # Errors
    /// As [`SignerError`] tells.
    pub async fn sign_bundle(
        &self,
        bundle: BundleTransaction,
    ) -> Result<(B256, Bytes), SignerError> {
        const ASKED: &str = "a bundle";
        match self.ask(ASKED, &Request::SignBundle(bundle)).await? {
            Response::Bundle { hash, raw } => Ok((hash, raw)),
            other => Err(unexpected(ASKED, &other)),
        }
    }

    /// Signs a receipt: its digest and signature.
    ///
    /// # Errors
    /// As [`SignerError`] tells.
    pub async fn sign_receipt(
        &self,
        chain_id: u64,
        registry: Address,
        receipt: ExecutionReceipt,
    ) -> Result<(B256, Bytes), SignerError> {
        const ASKED: &str = "a receipt";
        let expected = receipt.digest(chain_id, registry);
        let request = SignReceipt { chain_id, registry, receipt };
        match self.ask(ASKED, &Request::SignReceipt(request)).await? {
            Response::Receipt { hash, signature } if hash == expected => Ok((hash, signature)),
            other => Err(unexpected(ASKED, &other)),
        }
    }

    /// Asks once, and once more on a new connection if an old one turned out dead. Signing
    /// the same twice is harmless: the signer's journal gives the same answer.
    async fn ask(&self, asked: &'static str, request: &Request) -> Result<Response, SignerError> {
        let frame = encode_frame(request)
            .map_err(|error| SignerError::Protocol { asked, reason: error.to_string() })?;
        // Never closed; without a place the request would merely be one more at a time.
        let _place = self.places.acquire().await;
        let reused = self.idle.lock().pop();
        let is_reused = reused.is_some();
        let mut answer = self.exchange(reused, &frame).await;
        if is_reused && matches!(answer, Err(FrameError::Io(_) | FrameError::Truncated)) {
            self.idle.lock().clear();
            answer = self.exchange(None, &frame).await;
        }
        match answer {
            Ok(Response::Refused { code, message }) => {
                Err(SignerError::Refused { asked, code, message })
            }
            Ok(response) => Ok(response),
            Err(FrameError::Io(error)) => Err(self.unreachable(&error.to_string())),
            Err(FrameError::Truncated) => Err(self.unreachable("it closed the connection")),
            Err(error) => Err(SignerError::Protocol { asked, reason: error.to_string() }),
        }
    }

    /// The stream is kept only after a whole answer.
    async fn exchange(
        &self,
        reused: Option<UnixStream>,
        frame: &[u8],
    ) -> Result<Response, FrameError> {
        let late = |_| FrameError::Io(io::ErrorKind::TimedOut.into());
        let talk = async {
            let mut stream = match reused {
                Some(stream) => stream,
                None => UnixStream::connect(&self.socket).await?,
            };
            stream.write_all(frame).await?;
            let response = read_response(&mut stream).await?;
            Ok::<_, FrameError>((stream, response))
        };
        let (stream, response) = timeout(self.patience, talk).await.map_err(late)??;
        self.idle.lock().push(stream);
        Ok(response)
    }

    fn unreachable(&self, reason: &str) -> SignerError {
        SignerError::Unreachable { socket: self.socket.clone(), reason: reason.into() }
    }
}

async fn read_response(stream: &mut UnixStream) -> Result<Response, FrameError> {
    let whole = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated,
        _ => FrameError::Io(error),
    };
    let length = stream.read_u32().await.map_err(whole)? as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.map_err(whole)?;
    Ok(serde_json::from_slice(&content)?)
}

/// Names the answer without its content: signatures have no place in logs.
fn unexpected(asked: &'static str, response: &Response) -> SignerError {
    let got = match response {
        Response::Info { .. } => "addresses",
        Response::UserOperation { .. } => "the signature of another UserOperation",
        Response::Bundle { .. } => "a bundle",
        Response::Receipt { .. } => "the signature of another receipt",
        Response::Refused { .. } => "a refusal",
    };
    SignerError::Protocol { asked, reason: format!("it sent {got}") }
}
