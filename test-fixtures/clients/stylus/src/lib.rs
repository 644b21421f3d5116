//! Nothing is compiled.
