//! A relay in front of the keeper's API that breaks connections on which an upload begins.
#![allow(dead_code, missing_docs)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub struct Relay {
    address: SocketAddr,
    broken: Arc<AtomicU32>,
    to_break: Arc<AtomicU32>,
    server: JoinHandle<()>,
}

impl Relay {
    /// Relays to the API at that URL and breaks the first uploads.
    pub async fn start(api: &str, uploads: u32) -> Self {
        let target = api.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (broken, to_break) = (Arc::<AtomicU32>::default(), Arc::new(AtomicU32::new(uploads)));
        let (count, left) = (broken.clone(), to_break.clone());
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(relay(client, server, count.clone(), left.clone()));
            }
        });
        Self { address, broken, to_break, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many uploads were broken.
    pub fn broken(&self) -> u32 {
        self.broken.load(Ordering::SeqCst)
    }

    /// Lets all uploads through from now on.
    pub fn mend(&self) {
        self.to_break.store(0, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn relay(client: TcpStream, server: TcpStream, broken: Arc<AtomicU32>, left: Arc<AtomicU32>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move {
        let _ = copy(&mut from_server, &mut to_client).await;
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let one_less = |left: u32| left.checked_sub(1);
        if buffer.starts_with(b"PUT ")
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
        {
            broken.fetch_add(1, Ordering::SeqCst);
            answers.abort();
            return;
        }
        if to_server.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
