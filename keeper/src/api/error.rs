//! Owns how the API says no: a status, a code for programs and a message for people.

use axum::Json;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// A refused request: `{"error":{"code":..,"message":..}}`.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request makes no sense.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "badRequest", message)
    }

    /// There is no such thing, now or ever.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", message)
    }

    /// It may come to exist.
    pub(super) fn not_yet(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notYet", message)
    }

    /// It exists, but is not handed out before the run is paid.
    pub(super) fn not_settled(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "notSettled", message)
    }

    /// Too much at once.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_retryable() {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "storeUnavailable",
                error.to_string(),
            );
        }
        tracing::error!(%error, "the store failed while answering a request");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "storeFailed", error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

pub(super) async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::not_found(format!(
        "there is nothing at {}; the API is described in the book",
        uri.path()
    ))
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
}
