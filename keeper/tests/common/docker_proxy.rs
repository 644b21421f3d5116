//! The Docker engine behind a socket that can go away and come back.

use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const ENGINE: &str = "/var/run/docker.sock";

/// The socket.
pub struct DockerProxy {
    pub socket: PathBuf,
    server: Option<JoinHandle<()>>,
}

impl DockerProxy {
    /// A socket behind which no engine answers yet.
    pub fn stopped(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), server: None }
    }

    pub fn start(&mut self) {
        let listener = UnixListener::bind(&self.socket).expect("a socket");
        self.server = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((mut client, _)) = listener.accept().await else { return };
                connections.spawn(async move {
                    let mut engine = UnixStream::connect(ENGINE).await.expect("a Docker engine");
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        }));
    }

    /// Ends every connection and removes the socket.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        std::fs::remove_file(&self.socket).expect("the socket");
    }
}

impl Drop for DockerProxy {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}
