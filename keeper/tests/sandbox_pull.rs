//! Images that are not here come from their repository, by digest, if the operator lets them,
//! or the run fails for the right reason. The registry is a real one, of the size that one image needs.

mod sandbox_support;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use alloy::primitives::B256;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use keeper::sandbox::{DockerConfig, Ending, RunSpec, Sandbox};
use sandbox_support::{docker, image, log, spec, unread};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

type Blobs = Arc<HashMap<String, (&'static str, Vec<u8>)>>;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// An agent as a registry stores it: its parts by digest, and the digest of its manifest.
fn stored(agent: &str) -> (Blobs, B256) {
    let archive = image(agent).archive().to_vec();
    let mut parts = HashMap::new();
    for entry in tar::Archive::new(archive.as_slice()).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        parts.insert(name, bytes);
    }
    let layer = parts.remove("layer.tar").expect("a layer");
    parts.remove("manifest.json").expect("an index");
    let (_, config) = parts.drain().next().expect("a configuration");
    let described = |media: &str, bytes: &[u8]| json!({ "mediaType": media, "size": bytes.len(), "digest": digest(bytes) });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": [described(LAYER, &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let root = digest(&manifest);
    let blobs = [(MANIFEST, manifest), (CONFIG, config), (LAYER, layer)]
        .map(|(media, bytes)| (digest(&bytes), (media, bytes)));
    let number = root.trim_start_matches("sha256:").parse().expect("a digest");
    (Arc::new(HashMap::from(blobs)), number)
}

async fn blob(
    State(blobs): State<Blobs>,
    Path((_, _, digest)): Path<(String, String, String)>,
) -> Response {
    match blobs.get(&digest) {
        Some((media, bytes)) => ([(header::CONTENT_TYPE, *media)], bytes.clone()).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            axum::Json(json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] })),
        )
            .into_response(),
    }
}

async fn registry(blobs: Blobs) -> String {
    serve(router(blobs)).await
}

fn router(blobs: Blobs) -> Router {
    Router::new()
        .route("/v2/", get(async || axum::Json(json!({}))))
        .route("/v2/{name}/{kind}/{digest}", get(blob))
        .with_state(blobs)
}

/// Serves until the test ends; returns the repository's name.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("{address}/agent")
}

async fn described(repository: &str, digest: B256) -> RunSpec {
    let mut spec = spec("summarize", "Just one sentence.").await;
    spec.image_digest = digest;
    spec.repository = Some(repository.to_owned());
    spec
}

/// A sandbox that may pull from that place, if any.
fn sandbox(place: Option<&str>) -> Sandbox {
    let pull_from: Vec<String> = place.into_iter().map(str::to_owned).collect();
    let keeper = format!("pull-{}-{}", pull_from.len(), std::process::id());
    Sandbox::connect(DockerConfig { pull_from, ..DockerConfig::new(keeper) }).expect("a sandbox")
}

fn host(repository: &str) -> &str {
    repository.split('/').next().expect("a host")
}

#[tokio::test]
async fn an_absent_image_is_pulled_by_digest_and_run() {
    let (blobs, digest) = stored("summarize");
    let repository = registry(blobs).await;

    for place in [None, Some("images.example.org/agents")] {
        let spec = described(&repository, digest).await;
        let output = sandbox(place).run(spec, unread(), CancellationToken::new()).await;
        assert_eq!(output.expect("a verdict").ending, Ending::ImageMissing, "only from {place:?}");
    }

    let allowed = sandbox(Some(host(&repository)));
    let output =
        allowed.run(described(&repository, digest).await, unread(), CancellationToken::new());
    let output = output.await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "{}", log(&output));
    assert_eq!(output.result, "Just one sentence.\n");
    allowed.settled().await;

    let name = format!("{repository}@sha256:{digest:x}");
    let options = RemoveImageOptionsBuilder::default().force(false).build();
    docker().remove_image(&name, Some(options), None).await.expect("it was stored by digest");
}

#[tokio::test]
async fn a_registry_without_the_image_fails_the_run_for_good() {
    let (blobs, _) = stored("summarize");
    let repository = registry(blobs).await;
    let unknown = described(&repository, B256::repeat_byte(0xcd)).await;
    let allowed = sandbox(Some(host(&repository)));
    let output = allowed.run(unknown, unread(), CancellationToken::new()).await;
    assert_eq!(output.expect("a verdict").ending, Ending::ImageMissing);
}

#[tokio::test]
async fn a_registry_that_is_away_is_tried_again_but_not_for_ever() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("one");
    let unreachable = described(&format!("{port}/agent"), B256::repeat_byte(0xcd)).await;
    let allowed = sandbox(Some(&port.to_string()));
    let output = allowed.run(unreachable, unread(), CancellationToken::new()).await;
    assert_eq!(output.expect("a verdict").ending, Ending::ImageMissing);
}

#[tokio::test]
async fn a_registry_that_fails_at_first_is_asked_again() {
    let (blobs, digest) = stored("summarize");
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let failing = axum::middleware::from_fn(move |request: Request, next: Next| {
        let failed = count.fetch_add(1, Ordering::Relaxed) < 1;
        async move {
            match failed {
                true => StatusCode::FORBIDDEN.into_response(),
                false => next.run(request).await,
            }
        }
    });
    let repository = serve(router(blobs).layer(failing)).await;
    let allowed = sandbox(Some(host(&repository)));
    let spec = described(&repository, digest).await;
    let output = allowed.run(spec, unread(), CancellationToken::new()).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "{}", log(&output));
    assert!(asked.load(Ordering::Relaxed) > 1);
    allowed.settled().await;

    let name = format!("{repository}@sha256:{digest:x}");
    let options = RemoveImageOptionsBuilder::default().force(false).build();
    docker().remove_image(&name, Some(options), None).await.expect("it was stored by digest");
}
