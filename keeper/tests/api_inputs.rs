//! Inputs are taken by hash, within the cap, and only while a purchase waits for them.

mod api_support;

use alloy::primitives::{B256, keccak256};
use api_support::{Api, MAX_INPUT, code, read};
use bytes::Bytes;
use serde_json::{Value, json};

async fn put(api: &Api, hash: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let request = api.client.put(api.url(&format!("/v1/inputs/{hash}"))).body(body);
    read(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn an_input_is_taken_when_bought_and_again_without_harm() {
    let api = Api::start().await;
    let input = b"to be summarised";
    let hash = keccak256(input);
    let (status, body) = put(&api, &hash.to_string(), &input[..]).await;
    assert_eq!((status, code(&body)), (404, "notWanted"));
    assert_eq!(api.store.blob(hash).await.expect("a store"), None);

    api.seen(1, input).await;
    let (status, body) = put(&api, &hash.to_string(), &input[..]).await;
    assert_eq!((status, body), (201, json!({ "hash": hash, "new": true })));
    assert_eq!(api.store.blob(hash).await.expect("a store").as_deref(), Some(&input[..]));

    let (status, body) = put(&api, &hash.to_string(), &input[..]).await;
    assert_eq!((status, body), (200, json!({ "hash": hash, "new": false })));
}

#[tokio::test]
async fn other_bytes_than_those_bought_are_refused() {
    let api = Api::start().await;
    api.seen(1, b"the right input").await;
    let hash = keccak256(b"the right input").to_string();
    let (status, body) = put(&api, &hash, "another input").await;
    assert_eq!((status, code(&body)), (400, "hashMismatch"));
    let (status, _) = put(&api, &hash, "the right input").await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn the_cap_holds_with_and_without_an_announced_length() {
    let api = Api::start().await;
    let fits = vec![7u8; MAX_INPUT as usize];
    let over = vec![7u8; MAX_INPUT as usize + 1];
    api.seen(1, &over).await;
    api.seen(2, &fits).await;
    let hash = keccak256(&over).to_string();
    let (status, body) = put(&api, &hash, over.clone()).await;
    assert_eq!((status, code(&body)), (413, "tooLarge"));
    assert!(body["error"]["message"].as_str().expect("text").contains(&MAX_INPUT.to_string()));

    let pieces: Vec<Result<Bytes, std::io::Error>> =
        over.chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let (status, body) = put(&api, &hash, chunked).await;
    assert_eq!((status, code(&body)), (413, "tooLarge"));

    let large = vec![7u8; 10 << 20];
    let (status, body) = put(&api, &keccak256(&large).to_string(), large).await;
    assert_eq!((status, code(&body)), (413, "tooLarge"), "the sender gets to see it");

    let (status, _) = put(&api, &keccak256(&fits).to_string(), fits).await;
    assert_eq!(status, 201, "exactly the cap");
}

#[tokio::test]
async fn a_hash_must_look_like_one() {
    let api = Api::start().await;
    let bare = format!("{:x}", B256::repeat_byte(1));
    for wrong in ["0x", "0x12", "hello", &bare, &format!("0x{bare}0")] {
        let (status, body) = put(&api, wrong, "x").await;
        assert_eq!((status, code(&body)), (400, "badRequest"), "{wrong}");
    }
}
