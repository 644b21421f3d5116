//! Owns the keeper's HTTP and WebSocket API.
