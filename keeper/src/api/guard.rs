//! Owns what holds for every request: who may ask, how long it may take, and what browsers
//! may do with the answer.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

/// Longest time from the request's head to the answer's head, body of the request included.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Answers are data: never to be guessed at, run, framed or kept.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = match check(request.headers()) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_slow().into_response(),
        },
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16().to_string();
    metrics::counter!("nexus_keeper_api_requests_total", "status" => status).increment(1);
    response
}

fn too_slow() -> ApiError {
    let message = format!("not answered within {} s: try again", ANSWER_WITHIN.as_secs());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
}

/// A web page cannot read this API, nor reach it under a name that it owns: the name asked
/// for must be this machine's own, and a page's origin, if there is one, the API itself.
fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let forbidden = |code, message: String| ApiError::new(StatusCode::FORBIDDEN, code, message);
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(ApiError::bad_request("the request wants exactly one Host header"));
    };
    let host = host.to_str().unwrap_or_default();
    if !is_loopback(host) {
        return Err(forbidden(
            "forbiddenHost",
            format!(
                "the Host header {host:?} is not this machine's own: use 127.0.0.1 or localhost"
            ),
        ));
    }
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => Ok(()),
        Some(Ok(origin)) if origin.strip_prefix("http://") == Some(host) => Ok(()),
        Some(origin) => Err(forbidden(
            "forbiddenOrigin",
            format!("pages of {:?} may not use this API", origin.unwrap_or("an unreadable origin")),
        )),
    }
}

/// Whether an authority, `host` or `host:port`, names this machine by a name that no
/// foreign name server decides on.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => host,
            Some((host, port)) if is_port(port.strip_prefix(':')) => host,
            _ => return false,
        },
        None => match authority.split_once(':') {
            None => authority,
            Some((host, port)) if is_port(Some(port)) => host,
            Some(_) => return false,
        },
    };
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn is_port(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_pass() {
        for own in ["localhost", "LOCALHOST:1", "127.0.0.1:8600", "127.9.9.9", "[::1]:80", "[::1]"]
        {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8600",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::1",
            "localhost:",
            "localhost:x",
            "::1",
            "127.0.0.1:80:80",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    fn checked(host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        check(&headers).is_ok()
    }

    #[test]
    fn a_page_passes_only_if_the_api_itself_served_it() {
        assert!(checked("127.0.0.1:8600", None));
        assert!(checked("127.0.0.1:8600", Some("http://127.0.0.1:8600")));
        for foreign in
            ["http://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:8600"]
        {
            assert!(!checked("127.0.0.1:8600", Some(foreign)), "{foreign}");
        }
        assert!(check(&HeaderMap::new()).is_err());
    }
}
