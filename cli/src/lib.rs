//! The nexus command: thin commands over the library crates.

pub mod agents;
pub mod api;
pub mod args;
pub mod bench;
pub mod buy;
pub mod chain;
pub mod commands;
pub mod context;
pub mod demo;
pub mod failure;
pub mod fixtures;
pub mod images;
pub mod jobs;
pub mod keys;
pub mod logs;
pub mod money;
pub mod outgoing;
pub mod output;
pub mod patience;
pub mod programs;
pub mod publish;
pub mod purchases;
pub mod ready;
pub mod receipts;
pub mod stack;
