//! The event stream: everything from a cursor, in order, live, until the job has ended.

mod api_support;

use api_support::{Api, code};
use domain::receipt::Outcome;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(api: &Api, job: u64, cursor: u64) -> Socket {
    let url = format!("ws://{}/v1/jobs/{job}/events?cursor={cursor}", api.address);
    connect_async(url).await.expect("a stream").0
}

/// The next event, or how the stream was closed.
async fn next(socket: &mut Socket) -> Result<Value, Option<CloseCode>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return Ok(serde_json::from_str(&text).expect("JSON"));
            }
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code)),
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
            None => return Err(None),
        }
    }
}

async fn rest(socket: &mut Socket) -> (Vec<Value>, Option<CloseCode>) {
    let mut events = Vec::new();
    loop {
        match next(socket).await {
            Ok(event) => events.push(event),
            Err(closed) => return (events, closed),
        }
    }
}

fn states(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["state"].as_str()).collect()
}

#[tokio::test]
async fn the_past_is_replayed_then_the_present_follows_until_the_end() {
    let api = Api::start().await;
    api.running(1).await;
    let mut socket = open(&api, 1, 0).await;
    let mut seen = Vec::new();
    while states(&seen).last() != Some(&"running") {
        seen.push(next(&mut socket).await.expect("an event"));
    }
    assert_eq!(states(&seen), ["seen", "confirmed", "ready", "running"]);
    assert_eq!(seen[0]["kind"], "state");
    assert!(seen[0]["at"].as_u64().is_some_and(|at| at > 1_600_000_000_000), "milliseconds");

    let lines = vec![(5, "first".to_owned()), (6, "second".to_owned())];
    api.logged(1, lines).await;
    let line = next(&mut socket).await.expect("an event");
    assert_eq!(
        (&line["kind"], &line["line"], &line["at"]),
        (&json!("log"), &json!("first"), &json!(5))
    );
    let line = next(&mut socket).await.expect("an event");
    assert_eq!(line["line"], "second");

    api.stuck(1).await;
    let (events, code) = rest(&mut socket).await;
    assert_eq!((states(&events), code), (vec!["stuck"], Some(CloseCode::Normal)));
}

#[tokio::test]
async fn a_cursor_continues_without_gap_or_repetition() {
    let api = Api::start().await;
    api.ended(1, b"r", b"l", Outcome::Ok).await;
    api.receipted(1).await;
    api.stuck(1).await;
    let (all, code) = rest(&mut open(&api, 1, 0).await).await;
    assert_eq!(code, Some(CloseCode::Normal));
    assert!(all.is_sorted_by(|a, b| a["cursor"].as_u64() < b["cursor"].as_u64()));
    for (index, event) in all.iter().enumerate() {
        let cursor = event["cursor"].as_u64().expect("a cursor");
        let (later, _) = rest(&mut open(&api, 1, cursor).await).await;
        assert_eq!(later, all[index + 1..]);
    }
    let (none, code) = rest(&mut open(&api, 1, u64::MAX).await).await;
    assert_eq!((none.len(), code), (0, Some(CloseCode::Normal)));
}

#[tokio::test]
async fn the_events_of_other_jobs_stay_with_them() {
    let api = Api::start().await;
    api.running(1).await;
    let mut socket = open(&api, 1, 0).await;
    api.running(2).await;
    api.logged(2, vec![(1, "not yours".to_owned())]).await;
    api.stuck(2).await;
    api.stuck(1).await;
    let (events, _) = rest(&mut socket).await;
    assert_eq!(states(&events), ["seen", "confirmed", "ready", "running", "stuck"]);
}

#[tokio::test]
async fn a_client_that_reads_late_gets_every_line_once() {
    const LINES: usize = 20_000;
    let api = Api::start().await;
    api.running(1).await;
    let mut socket = open(&api, 1, 0).await;
    // Far more than socket buffers, the page and the change channel hold together.
    for batch in 0..LINES / 1000 {
        let lines = (0..1000).map(|n| (1, format!("{:>200}", batch * 1000 + n))).collect();
        api.logged(1, lines).await;
    }
    api.stuck(1).await;
    let (events, code) = rest(&mut socket).await;
    assert_eq!(code, Some(CloseCode::Normal));
    let numbers: Vec<usize> =
        events.iter().filter_map(|event| event["line"].as_str()?.trim().parse().ok()).collect();
    assert!(numbers.iter().copied().eq(0..LINES), "{} lines", numbers.len());
}

#[tokio::test]
async fn a_stream_wants_a_known_job_a_plain_cursor_and_no_foreign_page() {
    let api = Api::start().await;
    api.running(1).await;
    let refused = async |path: &str, origin: Option<&'static str>| {
        let mut request =
            format!("ws://{}{path}", api.address).into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a value"));
        }
        match connect_async(request).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused("/v1/jobs/9/events", None).await, 404);
    assert_eq!(refused("/v1/jobs/1/events?cursor=x", None).await, 400);
    assert_eq!(refused("/v1/jobs/1/events", Some("http://evil.example")).await, 403);
    assert_eq!(api.get("/v1/jobs/1/events").await.status(), 400, "no upgrade asked for");
}

#[tokio::test]
async fn a_talkative_client_is_cut_off() {
    let api = Api::start().await;
    api.running(1).await;
    let mut socket = open(&api, 1, 0).await;
    let long = Message::Text("x".repeat(1 << 20).into());
    // The write may succeed before the server has looked at it; the reading must not go on.
    if socket.send(long).await.is_ok() {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            }
        }
    }
    assert_eq!(api.get("/v1/info").await.status(), 200);
}

#[tokio::test]
async fn shutdown_tells_the_watchers_to_come_back() {
    let api = Api::start().await;
    api.running(1).await;
    let mut socket = open(&api, 1, 0).await;
    for _ in 0..4 {
        next(&mut socket).await.expect("an event");
    }
    api.shutdown.cancel();
    assert_eq!(next(&mut socket).await, Err(Some(CloseCode::Away)));
}

#[tokio::test]
async fn a_watcher_never_sees_the_events_of_another_order_of_that_number() {
    let api = Api::start().await;
    api.ended(1, b"secret", b"log", Outcome::Ok).await;
    api.sent(1).await;
    let lines = vec![(5, "of the first".to_owned())];
    api.logged(1, lines).await;
    let mut first = open(&api, 1, 0).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["line"] != "of the first") {
        seen.push(next(&mut first).await.expect("an event"));
    }
    let (_, before) = api.json("/v1/jobs/1").await;

    api.replaced(1, b"another input").await;
    let (_, after) = api.json("/v1/jobs/1").await;
    assert_ne!(before["orderHash"], after["orderHash"]);
    assert_eq!((&after["state"], &after["run"]), (&json!("seen"), &json!(null)));
    for path in ["result", "log", "receipt"] {
        let (status, body) = api.json(&format!("/v1/jobs/1/{path}")).await;
        assert_eq!((status, code(&body)), (404, "notYet"), "{path}");
    }
    // Who watched the first order hears how it ended, and nothing of the other one.
    let (events, code) = rest(&mut first).await;
    assert_eq!((states(&events), code), (vec!["reorged"], Some(CloseCode::Normal)));

    // Who watches the other one hears nothing of the first, whatever the cursor.
    api.stuck(1).await;
    for cursor in [0, seen[0]["cursor"].as_u64().expect("a cursor")] {
        let (events, _) = rest(&mut open(&api, 1, cursor).await).await;
        assert_eq!(states(&events), ["seen", "stuck"]);
        assert!(events.iter().all(|event| event["line"].is_null()), "{events:?}");
    }
}

#[tokio::test]
async fn the_events_of_an_order_go_on_when_it_is_mined_again() {
    let api = Api::start().await;
    api.running(1).await;
    api.mined_again(1).await;
    api.stuck(1).await;
    let (events, _) = rest(&mut open(&api, 1, 0).await).await;
    let expected = ["seen", "confirmed", "ready", "running", "reorged", "seen", "stuck"];
    assert_eq!(states(&events), expected);
}
