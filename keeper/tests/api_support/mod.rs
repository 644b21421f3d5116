//! A real API server over a real store, and jobs in any state without a chain.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::net::SocketAddr;
use std::time::Duration;

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, Bytes as Raw, keccak256};
use bytes::Bytes;
use domain::ids::{AgentId, ImageDigest, PurchaseId};
use domain::job::{BlockRef, Event, Intent, Purchase, RunRecord, Settlement, SignedData, Terms};
use domain::receipt::{ExecutionReceipt, Outcome};
use domain::userop::PackedUserOperation;
use keeper::Info;
use keeper::api::{self, ApiState};
use keeper::config::ResultAfter;
use keeper::health::{HealthBoard, Part};
use keeper::store::{BlockFacts, Commit, Fact, Store};
use keeper::waits::WaitBoard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const MAX_INPUT: u64 = 100_000;
pub const CHAIN: u64 = 412_346;
pub const REGISTRY: Address = Address::repeat_byte(0x11);

/// A served API.
pub struct Api {
    pub store: Store,
    pub health: HealthBoard,
    pub waits: WaitBoard,
    pub recorder: PrometheusRecorder,
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<std::io::Result<()>>,
    pub client: Client,
    _folder: TempDir,
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(ResultAfter::default()).await
    }

    /// As [`Self::start`]; results are handed out from that state on.
    pub async fn start_with(result_after: ResultAfter) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("keeper.db")).await.expect("a store");
        let health = HealthBoard::default();
        let waits = WaitBoard::default();
        let recorder = PrometheusBuilder::new().build_recorder();
        let state = ApiState {
            store: store.clone(),
            health: health.subscribe(),
            waits: waits.clone(),
            metrics: recorder.handle(),
            info: info(),
            max_input_bytes: MAX_INPUT,
            result_after,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(api::serve(listener, state, shutdown.clone()));
        let client = Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { store, health, waits, recorder, address, shutdown, served, client, _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    /// Status and JSON of an answer.
    pub async fn json(&self, path: &str) -> (u16, Value) {
        read(self.get(path).await).await
    }

    pub fn everything_works(&self) {
        for part in [Part::Chain, Part::Docker, Part::Signer, Part::Store] {
            self.health.works(part);
        }
    }

    /// A purchase just seen, for that input.
    pub async fn seen(&self, id: u64, input: &[u8]) {
        self.bought_in(id, input, 0).await;
    }

    /// A reorganisation gives the number to another order.
    pub async fn replaced(&self, id: u64, input: &[u8]) {
        self.bought_in(id, input, 1).await;
    }

    /// A reorganisation moves a purchase of [`Self::running`] to another block.
    pub async fn mined_again(&self, id: u64) {
        self.bought_in(id, format!("input of {id}").as_bytes(), 1).await;
    }

    async fn bought_in(&self, id: u64, input: &[u8], fork: u8) {
        let hash = B256::left_padding_from(&[fork, id as u8]);
        let block = BlockRef { number: id, hash };
        let purchase = Purchase {
            id: PurchaseId(id),
            agent_id: AgentId::from(3),
            version: 2,
            buyer: Address::repeat_byte(7),
            escrow: U96::from(1_000_000_000_000_000u64),
            deadline: 1_900_000_000,
            input_hash: keccak256(input),
            block,
        };
        let facts = vec![Fact::Purchased(Box::new(purchase), None)];
        self.store.add_blocks(vec![BlockFacts { block, facts }], 100).await.expect("stored");
    }

    pub async fn advance(&self, id: u64, event: Event, blobs: &[&[u8]]) {
        let row = self.store.job(id).await.expect("a store").expect("a job");
        let mut commit = Commit::new(&row, event);
        for blob in blobs {
            commit = commit.with_blob(Bytes::copy_from_slice(blob));
        }
        self.store.commit(commit).await.expect("a legal move");
    }

    /// A job whose agent runs.
    pub async fn running(&self, id: u64) {
        let input = format!("input of {id}");
        self.seen(id, input.as_bytes()).await;
        self.advance(id, Event::Confirmed(terms()), &[]).await;
        self.store.put_input(input.into()).await.expect("taken");
        self.advance(id, Event::InputStored, &[]).await;
        self.advance(id, Event::Started, &[]).await;
    }

    /// Stores log lines of the job's first attempt.
    pub async fn logged(&self, id: u64, lines: Vec<(u64, String)>) {
        let row = self.store.job(id).await.expect("read").expect("a job");
        self.store.append_log((id, row.version), 1, lines).await.expect("stored");
    }

    /// A job whose agent ended, well or not.
    pub async fn ended(&self, id: u64, result: &[u8], log: &[u8], outcome: Outcome) {
        self.running(id).await;
        let record = record(result, log, outcome);
        let event = if outcome.is_ok() { Event::Produced(record) } else { Event::Failed(record) };
        self.advance(id, event, &[result, log]).await;
    }

    /// Gives the job its receipt.
    pub async fn receipted(&self, id: u64) -> Intent {
        let row = self.store.job(id).await.expect("a store").expect("a job");
        let run = row.state.run().expect("a run").clone();
        let purchase = row.state.purchase().clone();
        let receipt = ExecutionReceipt {
            purchase_id: purchase.id,
            agent_id: purchase.agent_id,
            version: purchase.version,
            buyer: purchase.buyer,
            keeper: Address::repeat_byte(0x22),
            image_digest: terms().image_digest,
            manifest_hash: terms().manifest_hash,
            input_hash: purchase.input_hash,
            result_hash: run.result_hash,
            log_hash: run.log_hash,
            outcome: run.outcome,
            exit_code: run.exit_code,
            started_at: run.started_at / 1000,
            finished_at: run.finished_at / 1000,
            cpu_micros: run.cpu_micros,
            peak_memory_bytes: run.peak_memory_bytes,
            charge: U96::from(5),
        };
        let intent = Intent {
            receipt_hash: receipt.digest(CHAIN, REGISTRY),
            receipt,
            receipt_signature: Raw::from(vec![1; 65]),
        };
        self.advance(id, Event::Intended(Box::new(intent.clone())), &[]).await;
        intent
    }

    /// Sends the job's settlement: receipt, signed operation, bundle.
    pub async fn sent(&self, id: u64) {
        self.receipted(id).await;
        let op = PackedUserOperation::default();
        let signed = SignedData { op, op_hash: B256::repeat_byte(9) };
        self.advance(id, Event::Signed(Box::new(signed)), &[]).await;
        self.advance(id, Event::Bundled(1), &[]).await;
    }

    /// Settles the job in a mined bundle.
    pub async fn settled(&self, id: u64) {
        self.sent(id).await;
        self.mined(id).await;
    }

    /// Mines the bundle of a job that is sent.
    pub async fn mined(&self, id: u64) {
        self.settled_by(id, Address::repeat_byte(0x22), true).await;
    }

    /// Shows the job settled on the chain by that account, as paid or as failed.
    pub async fn settled_by(&self, id: u64, keeper: Address, ok: bool) {
        let row = self.store.job(id).await.expect("a store").expect("a job");
        let receipt_hash = row.state.prepared().expect("a receipt").intent.receipt_hash;
        let settlement = Settlement {
            keeper,
            receipt_hash,
            ours: keeper == Address::repeat_byte(0x22),
            ok,
            tx_hash: B256::repeat_byte(8),
            block: BlockRef { number: 1000 + id, hash: B256::repeat_byte(7) },
            charge: U96::from(5),
            keeper_fee: U96::ZERO,
            protocol_fee: U96::ZERO,
        };
        self.advance(id, Event::Settled(settlement), &[]).await;
    }

    /// Ends a job for good.
    pub async fn stuck(&self, id: u64) {
        self.advance(id, Event::Stuck("no more gas".to_owned()), &[]).await;
    }
}

pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// The code of a refusal.
pub fn code(body: &Value) -> &str {
    assert!(body["error"]["message"].as_str().is_some_and(|m| m.len() > 10), "{body}");
    body["error"]["code"].as_str().expect("a code")
}

fn info() -> Info {
    Info {
        version: "1.2.3",
        chain_id: CHAIN,
        registry: REGISTRY,
        entry_point: Address::repeat_byte(0x33),
        account: Address::repeat_byte(0x22),
        owner: Address::repeat_byte(0x44),
        bundler: Address::repeat_byte(0x55),
    }
}

fn terms() -> Terms {
    Terms {
        payee: Address::repeat_byte(1),
        price: U96::from(5),
        max_seconds: 10,
        image_digest: ImageDigest(B256::repeat_byte(2)),
        manifest_hash: B256::repeat_byte(3),
        manifest: None,
    }
}

fn record(result: &[u8], log: &[u8], outcome: Outcome) -> RunRecord {
    RunRecord {
        attempt: 1,
        outcome,
        exit_code: if outcome.is_ok() { 0 } else { 3 },
        detail: format!("the run ended: {outcome}"),
        result_hash: keccak256(result),
        log_hash: keccak256(log),
        started_at: 1_700_000_000_000,
        finished_at: 1_700_000_001_500,
        cpu_micros: 1234,
        peak_memory_bytes: 4096,
    }
}
