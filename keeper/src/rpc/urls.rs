//! Keeps the keys that providers put into URLs out of messages and logs.

use alloy::transports::http::reqwest::{self, Url};
use alloy::transports::{RpcError, TransportError, TransportErrorKind};

/// Filter directives for whoever writes logs: below this level these crates log whole URLs.
pub const LOG_LIMITS: [&str; 3] =
    ["alloy_transport_http=warn", "alloy_transport_ws=warn", "tungstenite=warn"];

/// Shorter parts of a path are no keys, but words such as `v2` or `rpc`.
const SHORTEST_KEY: usize = 8;
const SCHEMES: [&str; 4] = ["http://", "https://", "ws://", "wss://"];

/// Cuts every URL of a node out of a text, up to the next blank, quote or closing bracket.
#[must_use]
pub fn without_urls(text: &str) -> String {
    replace_urls(text, |_| "<url>".to_owned())
}

/// Leaves of every URL in a text no more than scheme, host and port.
#[must_use]
pub fn with_origins(text: &str) -> String {
    replace_urls(text, origin)
}

/// Scheme, host and port of a URL; `<url>` if it is none.
#[must_use]
pub fn origin(url: &str) -> String {
    let parsed = url.parse::<Url>().ok();
    let parts = parsed.as_ref().and_then(|url| Some((url.scheme(), url.host_str()?, url.port())));
    match parts {
        Some((scheme, host, Some(port))) => format!("{scheme}://{host}:{port}"),
        Some((scheme, host, None)) => format!("{scheme}://{host}"),
        None => "<url>".to_owned(),
    }
}

fn replace_urls(text: &str, shown: impl Fn(&str) -> String) -> String {
    let lower = text.to_ascii_lowercase();
    let first = |from: usize| {
        let found = SCHEMES.iter().filter_map(|scheme| lower[from..].find(scheme)).min();
        found.map(|at| from + at)
    };
    let (mut made, mut rest) = (String::new(), 0);
    while let Some(at) = first(rest) {
        let length = text[at..].find(|c: char| c.is_whitespace() || ")\"'`<>]".contains(c));
        let end = length.map_or(text.len(), |length| at + length);
        // What ends a sentence or a clause is no part of the URL.
        let url = text[at..end].trim_end_matches([',', ';', ':', '.']);
        made.push_str(&text[rest..at]);
        made.push_str(&shown(url));
        rest = at + url.len();
    }
    made + &text[rest..]
}

/// Takes the URL out of an error of the connection to it. Web servers repeat the path of a
/// request in their pages, so it is cut there as well.
pub(super) fn clean(error: TransportError, url: &Url) -> TransportError {
    let without_path = |text: &str| {
        let parts = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
        let secret = parts.filter(|part| part.len() >= SHORTEST_KEY);
        secret.fold(without_urls(text), |text, part| text.replace(part, "<key>"))
    };
    match error {
        RpcError::Transport(TransportErrorKind::Custom(error)) => {
            match error.downcast::<reqwest::Error>() {
                Ok(error) => TransportErrorKind::custom(error.without_url()),
                Err(other) => RpcError::Transport(TransportErrorKind::Custom(other)),
            }
        }
        RpcError::Transport(TransportErrorKind::HttpError(mut error)) => {
            error.body = without_path(&error.body);
            RpcError::Transport(TransportErrorKind::HttpError(error))
        }
        RpcError::Transport(TransportErrorKind::HttpErrorWithRetryAfter {
            mut error,
            retry_after,
        }) => {
            error.body = without_path(&error.body);
            let kind = TransportErrorKind::HttpErrorWithRetryAfter { error, retry_after };
            RpcError::Transport(kind)
        }
        RpcError::DeserError { err, text } => {
            RpcError::DeserError { err, text: without_path(&text) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy::transports::HttpError;

    use super::*;

    #[test]
    fn everything_but_urls_stays() {
        let text = "a (https://x.y/z) b 'http://k' c https://end";
        assert_eq!(without_urls(text), "a (<url>) b '<url>' c <url>");
        assert_eq!(without_urls("no address"), "no address");
    }

    #[test]
    fn websockets_and_capitals_are_urls_too() {
        let text = "a ws://x.y/KEY b wss://u:KEY@x/ c HTTPS://x/KEY: é WS://x/KEY?a=http://b";
        assert_eq!(without_urls(text), "a <url> b <url> c <url>: é <url>");
        assert_eq!(with_origins(text), "a ws://x.y b wss://x c https://x: é ws://x");
    }

    #[test]
    fn an_origin_has_neither_path_nor_user() {
        assert_eq!(origin("http://127.0.0.1:1/v2/KEY?k=KEY"), "http://127.0.0.1:1");
        assert_eq!(origin("wss://me:KEY@host.example/KEY"), "wss://host.example");
        assert_eq!(origin("127.0.0.1:8545/KEY"), "<url>");
        let kept = "the chain at http://127.0.0.1:9 does not answer";
        assert_eq!(with_origins(kept), kept);
    }

    #[tokio::test]
    async fn a_dead_node_does_not_show_the_key() {
        use alloy::providers::{Provider as _, RootProvider};
        let url: Url = "http://127.0.0.1:1/v2/SECRETKEY?key=SECRETKEY".parse().unwrap();
        let client = super::super::connect(url, Duration::from_secs(5)).unwrap();
        let node = RootProvider::<alloy::network::Ethereum>::new(client);
        let error = node.get_chain_id().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("SECRETKEY"), "{shown}");
    }

    #[test]
    fn a_page_that_repeats_the_path_does_not_show_the_key() {
        let url: Url = "https://x.y/v2/SECRETKEY".parse().unwrap();
        let body = "Cannot POST /v2/SECRETKEY".to_owned();
        let error = TransportErrorKind::HttpError(HttpError { status: 404, body });
        let shown = clean(RpcError::Transport(error), &url).to_string();
        assert!(shown.contains("Cannot POST") && !shown.contains("SECRETKEY"), "{shown}");
    }
}
