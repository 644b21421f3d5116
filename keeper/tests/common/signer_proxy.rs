//! A proxy between keeper and signer that can hold single requests or answers.

use std::path::{Path, PathBuf};

use domain::wire::MAX_FRAME;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::gate::{Gate, Place};

/// The proxy.
pub struct SignerProxy {
    pub gate: Gate,
    pub socket: PathBuf,
    server: JoinHandle<()>,
}

impl SignerProxy {
    pub fn start(signer: PathBuf, socket: &Path) -> Self {
        let gate = Gate::default();
        let listener = UnixListener::bind(socket).expect("a socket");
        let shared = gate.clone();
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((keeper, _)) = listener.accept().await else { return };
                let (gate, signer) = (shared.clone(), signer.clone());
                connections.spawn(async move {
                    let _ = converse(keeper, &signer, gate).await;
                });
            }
        });
        Self { gate, socket: socket.to_owned(), server }
    }
}

impl Drop for SignerProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn converse(mut keeper: UnixStream, signer: &Path, gate: Gate) -> std::io::Result<()> {
    let mut signer = UnixStream::connect(signer).await?;
    loop {
        let request = frame(&mut keeper).await?;
        let text = String::from_utf8_lossy(&request).into_owned();
        gate.pass(&text, Place::Request).await;
        write(&mut signer, &request).await?;
        let answer = frame(&mut signer).await?;
        gate.pass(&text, Place::Answer).await;
        write(&mut keeper, &answer).await?;
    }
}

async fn frame(stream: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await? as usize;
    assert!(length <= MAX_FRAME);
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await?;
    Ok(content)
}

async fn write(stream: &mut UnixStream, content: &[u8]) -> std::io::Result<()> {
    stream.write_u32(u32::try_from(content.len()).expect("a short frame")).await?;
    stream.write_all(content).await
}
