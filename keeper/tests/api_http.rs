//! Health, identity, jobs, and who may ask at all.

mod api_support;

use api_support::{Api, code, read};
use domain::receipt::Outcome;
use keeper::health::Part;
use keeper::waits::{Wait, WaitOn};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn health_names_what_is_broken() {
    let api = Api::start().await;
    assert_eq!(api.json("/healthz").await.0, 503, "nothing has answered yet");
    api.everything_works();
    let (status, body) = api.json("/healthz").await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)));
    api.health.fails(Part::Docker, &"no socket");
    let (status, body) = api.json("/healthz").await;
    assert_eq!((status, &body["ok"]), (503, &json!(false)));
    assert_eq!(body["docker"], json!({ "ok": false, "problem": "no socket" }));
    assert_eq!(body["chain"]["ok"], true);
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_info_says_who_it_is() {
    let api = Api::start().await;
    metrics::with_local_recorder(&api.recorder, || metrics::counter!("some_total").increment(3));
    let response = api.get("/metrics").await;
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/plain"));
    assert!(response.text().await.expect("text").contains("some_total 3"));
    let (status, info) = api.json("/v1/info").await;
    assert_eq!((status, &info["chainId"]), (200, &json!(api_support::CHAIN)));
    assert_eq!(info["maxInputBytes"], json!(api_support::MAX_INPUT));
    assert_eq!(info["registry"], json!(api_support::REGISTRY));
}

#[tokio::test]
async fn jobs_are_listed_in_pages_and_shown_one_by_one() {
    let api = Api::start().await;
    for id in 1..=5 {
        api.seen(id, b"x").await;
    }
    let (_, first) = api.json("/v1/jobs?limit=3").await;
    let ids = |page: &serde_json::Value| -> Vec<u64> {
        page["jobs"].as_array().expect("jobs").iter().filter_map(|j| j["id"].as_u64()).collect()
    };
    assert_eq!((ids(&first), &first["next"]), (vec![1, 2, 3], &json!(3)));
    let (_, rest) = api.json("/v1/jobs?after=3&limit=3").await;
    assert_eq!((ids(&rest), &rest["next"]), (vec![4, 5], &json!(null)));

    let (status, job) = api.json("/v1/jobs/2").await;
    assert_eq!((status, &job["state"]), (200, &json!("seen")));
    assert_eq!(job["escrow"], json!("1000000000000000"), "money is a decimal string");
    assert_eq!(job["run"], json!(null));
}

#[tokio::test]
async fn a_job_tells_its_run_its_receipt_and_why_it_is_stuck() {
    let api = Api::start().await;
    api.ended(1, b"", b"no\n", Outcome::NonZeroExit).await;
    let intent = api.receipted(1).await;
    api.stuck(1).await;
    let (_, job) = api.json("/v1/jobs/1").await;
    assert_eq!((&job["state"], &job["reason"]), (&json!("stuck"), &json!("no more gas")));
    assert_eq!(job["run"]["outcome"], json!("nonZeroExit"));
    assert_eq!(job["run"]["exitCode"], json!(3));
    assert_eq!(job["receiptHash"], json!(intent.receipt_hash));
}

#[tokio::test]
async fn a_job_that_waits_says_on_what_since_when_and_what_helps() {
    let api = Api::start().await;
    api.everything_works();
    api.seen(1, b"x").await;
    let row = api.store.job(1).await.expect("a store").expect("a job");
    let wait = Wait::new(WaitOn::BundlerFunds, "0x55 has 0 wei, a bundle costs 7", "send ether");
    api.waits.note(1, row.version, wait);
    let (_, job) = api.json("/v1/jobs/1").await;
    assert_eq!(job["waiting"]["on"], json!("bundlerFunds"));
    assert_eq!(job["waiting"]["reason"], json!("0x55 has 0 wei, a bundle costs 7"));
    assert_eq!(job["waiting"]["help"], json!("send ether"));
    let since = job["waiting"]["since"].as_u64().expect("a time");
    assert!(since >= row.created_at);

    // Settlements stand still, so the keeper is not well; ordinary waits are no trouble.
    let (status, health) = api.json("/healthz").await;
    assert_eq!((status, &health["settling"]["ok"]), (503, &json!(false)));
    let problem = health["settling"]["problem"].as_str().expect("a problem");
    assert!(problem.contains("0x55 has 0 wei") && problem.contains("send ether"), "{problem}");
    assert_eq!(health["waiting"], json!({ "bundlerFunds": 1 }));
    api.waits.note(1, row.version, Wait::new(WaitOn::Confirmations, "block 9", "nothing"));
    let (status, health) = api.json("/healthz").await;
    assert_eq!((status, &health["waiting"]), (200, &json!({ "confirmations": 1 })));

    // What was noted for the job as it was says nothing about the job as it is.
    api.advance(1, domain::job::Event::Expired, &[]).await;
    assert_eq!(api.json("/v1/jobs/1").await.1["waiting"], json!(null));
}

#[tokio::test]
async fn a_failed_run_gives_its_reason() {
    let api = Api::start().await;
    api.ended(1, b"", b"no\n", Outcome::NonZeroExit).await;
    let (_, job) = api.json("/v1/jobs/1").await;
    assert_eq!(job["reason"], job["run"]["detail"]);
    assert!(job["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_json() {
    let api = Api::start().await;
    for (path, status, expected) in [
        ("/", 404, "notFound"),
        ("/v2/jobs", 404, "notFound"),
        ("/v1/jobs/7", 404, "notFound"),
        ("/v1/jobs/18446744073709551615", 404, "notFound"),
        ("/v1/jobs/seven", 400, "badRequest"),
        ("/v1/jobs/-1/result", 400, "badRequest"),
        ("/v1/jobs?limit=many", 400, "badRequest"),
        ("/v1/jobs?page=2", 400, "badRequest"),
    ] {
        let (found, body) = api.json(path).await;
        assert_eq!((found, code(&body)), (status, expected), "{path}");
    }
    let response = api.client.delete(api.url("/v1/jobs")).send().await.expect("an answer");
    let (status, body) = read(response).await;
    assert_eq!((status, code(&body)), (405, "methodNotAllowed"));
}

#[tokio::test]
async fn foreign_names_and_pages_are_turned_away() {
    let api = Api::start().await;
    let asked = |name: &'static str, value: String| {
        let request = api.client.get(api.url("/v1/info")).header(name, value);
        async move { read(request.send().await.expect("an answer")).await }
    };
    let (status, body) = asked("host", "rebound.example".to_owned()).await;
    assert_eq!((status, code(&body)), (403, "forbiddenHost"));
    let (status, body) = asked("origin", "http://evil.example".to_owned()).await;
    assert_eq!((status, code(&body)), (403, "forbiddenOrigin"));
    let (status, _) = asked("origin", format!("http://{}", api.address)).await;
    assert_eq!(status, 200);
    let (status, _) = asked("host", format!("localhost:{}", api.address.port())).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn no_answer_is_left_to_a_browsers_guess() {
    let api = Api::start().await;
    for path in ["/healthz", "/nowhere", "/v1/jobs", "/metrics"] {
        let response = api.get(path).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        let policy = response.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{path}");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{path}");
    }
}

#[tokio::test]
async fn an_endless_request_head_is_cut_off() {
    let api = Api::start().await;
    let mut stream = TcpStream::connect(api.address).await.expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n").await.expect("written");
    let line = [b"x-filler: ".as_slice(), &[b'a'; 4000], b"\r\n"].concat();
    let flood = async {
        // 8 MiB of head: the server stops reading long before.
        for _ in 0..2000 {
            if stream.write_all(&line).await.is_err() {
                return;
            }
        }
        panic!("the server takes any head");
    };
    flood.await;
    let mut answer = Vec::new();
    // Either an answer or a reset; what counts is that it ended.
    if stream.read_to_end(&mut answer).await.is_ok() && !answer.is_empty() {
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(api.get("/v1/info").await.status(), 200, "others are served on");
}

#[tokio::test]
async fn shutdown_ends_the_server_and_frees_the_port() {
    let api = Api::start().await;
    assert_eq!(api.get("/v1/info").await.status(), 200);
    api.shutdown.cancel();
    api.served.await.expect("no panic").expect("no error");
    assert!(TcpStream::connect(api.address).await.is_err());
}
