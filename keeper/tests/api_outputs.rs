//! What a job leaves is handed out byte for byte, and as nothing that a browser would run.

mod api_support;

use alloy::primitives::{Address, keccak256};
use api_support::{Api, CHAIN, REGISTRY, code};
use domain::job::Event;
use domain::receipt::{Outcome, SignedReceipt};
use keeper::config::ResultAfter;

#[tokio::test]
async fn a_result_comes_byte_for_byte_as_a_text_to_save() {
    let api = Api::start().await;
    let result = "<script>alert('é')</script>\r\n\0".as_bytes();
    api.ended(1, result, b"worked\n", Outcome::Ok).await;
    api.settled(1).await;
    let response = api.get("/v1/jobs/1/result").await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-disposition"], "attachment; filename=\"result-1.txt\"");
    assert_eq!(headers["etag"].to_str().expect("text"), format!("\"{}\"", keccak256(result)));
    assert_eq!(response.bytes().await.expect("bytes"), result);
    assert_eq!(api.get("/v1/jobs/1/log").await.text().await.expect("text"), "worked\n");
}

#[tokio::test]
async fn what_is_not_text_is_bytes() {
    let api = Api::start().await;
    api.ended(1, b"\xff\xd8\xff", b"\x80", Outcome::Ok).await;
    api.settled(1).await;
    for (path, name) in [("/v1/jobs/1/result", "result-1.bin"), ("/v1/jobs/1/log", "log-1.bin")] {
        let response = api.get(path).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let disposition = response.headers()["content-disposition"].to_str().expect("text");
        assert!(disposition.contains(name), "{disposition}");
    }
}

/// The result of job 1 is withheld in that state.
async fn withheld(api: &Api, state: &str) {
    let response = api.get("/v1/jobs/1/result").await;
    let status = response.status();
    let text = response.text().await.expect("text");
    assert!(status == 409 && text.contains("notSettled") && text.contains(state), "{text}");
    assert!(!text.contains("precious"), "{text}");
}

#[tokio::test]
async fn nobody_gets_a_result_before_its_settlement_is_mined() {
    let api = Api::start().await;
    api.ended(1, b"precious", b"worked\n", Outcome::Ok).await;
    withheld(&api, "produced").await;
    assert_eq!(api.get("/v1/jobs/1/log").await.status(), 200);
    api.receipted(1).await;
    withheld(&api, "intended").await;
    api.stuck(1).await;
    withheld(&api, "stuck").await;

    let api = Api::start().await;
    api.ended(1, b"precious", b"", Outcome::Ok).await;
    api.sent(1).await;
    withheld(&api, "sent").await;
    api.mined(1).await;
    assert_eq!(api.get("/v1/jobs/1/result").await.text().await.expect("text"), "precious");
    // And not while the settlement is out of the chain again.
    api.advance(1, Event::SettlementRemoved, &[]).await;
    withheld(&api, "seen").await;
}

#[tokio::test]
async fn a_refund_that_came_first_leaves_the_result_withheld() {
    let api = Api::start().await;
    api.ended(1, b"precious", b"", Outcome::Ok).await;
    api.sent(1).await;
    api.advance(1, Event::Refunded, &[]).await;
    withheld(&api, "expired").await;
}

#[tokio::test]
async fn a_purchase_that_another_keeper_settled_as_failed_gives_no_result() {
    let api = Api::start().await;
    api.ended(1, b"precious", b"", Outcome::Ok).await;
    api.sent(1).await;
    api.settled_by(1, Address::repeat_byte(0x77), false).await;
    let response = api.get("/v1/jobs/1/result").await;
    assert_eq!(response.status(), 404);
    let text = response.text().await.expect("text");
    assert!(text.contains("the buyer has the money back") && !text.contains("precious"), "{text}");
}

#[tokio::test]
async fn an_operator_may_withhold_results_until_they_are_final() {
    let api = Api::start_with(ResultAfter::Final).await;
    api.ended(1, b"precious", b"", Outcome::Ok).await;
    api.settled(1).await;
    withheld(&api, "settled").await;
    api.advance(1, Event::Finalized, &[]).await;
    assert_eq!(api.get("/v1/jobs/1/result").await.text().await.expect("text"), "precious");
}

#[tokio::test]
async fn a_failed_run_has_a_log_but_no_result_and_says_why() {
    let api = Api::start().await;
    api.ended(1, b"half", b"it went wrong\n", Outcome::OutOfMemory).await;
    let (status, body) = api.json("/v1/jobs/1/result").await;
    assert_eq!((status, code(&body)), (404, "notFound"));
    assert!(body["error"]["message"].as_str().expect("text").contains("out of memory"), "{body}");
    assert_eq!(api.get("/v1/jobs/1/log").await.text().await.expect("text"), "it went wrong\n");
}

#[tokio::test]
async fn what_is_still_to_come_is_told_from_what_never_will() {
    let api = Api::start().await;
    api.running(1).await;
    for what in ["result", "log", "receipt"] {
        let (status, body) = api.json(&format!("/v1/jobs/1/{what}")).await;
        assert_eq!((status, code(&body)), (404, "notYet"), "{what}");
    }
    api.stuck(1).await;
    for what in ["result", "log", "receipt"] {
        let (status, body) = api.json(&format!("/v1/jobs/1/{what}")).await;
        assert_eq!((status, code(&body)), (404, "notFound"), "{what}");
    }
}

#[tokio::test]
async fn a_receipt_is_what_the_verifier_takes() {
    let api = Api::start().await;
    api.ended(1, b"done", b"", Outcome::Ok).await;
    let intent = api.receipted(1).await;
    let response = api.get("/v1/jobs/1/receipt").await;
    let tag = response.headers()["etag"].to_str().expect("text").to_owned();
    let signed: SignedReceipt = response.json().await.expect("a signed receipt");
    assert_eq!((signed.chain_id, signed.registry), (CHAIN, REGISTRY));
    assert_eq!(signed.receipt, intent.receipt);
    assert_eq!(signed.signature, intent.receipt_signature);
    assert_eq!(signed.digest(), intent.receipt_hash);
    assert_eq!(tag, format!("\"{}\"", intent.receipt_hash));
}
