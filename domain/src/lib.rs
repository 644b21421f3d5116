//! Pure types and rules shared by every process: ids, manifests, receipts, jobs, UserOperations, frames.
