//! Owns the making of agent images from static binaries.
