//! The ABIs in `bindings/abi` are those of the sources.

use deployer::{Workspace, abi};
use std::fs;

#[test]
fn exported_abis_have_not_drifted() {
    let workspace = Workspace::find().expect("tests run inside the checkout");
    for exported in abi::export(&workspace).expect("the ABIs are exported") {
        let path = exported.path(&workspace);
        let kept = fs::read_to_string(&path).expect("kept with the sources");
        assert!(
            kept == exported.json,
            "{} has drifted; run `cargo run -p deployer --bin build-contracts -- --export-abi`",
            path.display()
        );
    }
}
