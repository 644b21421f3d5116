//! Typed contract interfaces generated from the exported ABIs.
