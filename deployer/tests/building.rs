//! The build does nothing when nothing changed, and makes what the chain takes.

use deployer::{Workspace, build};

#[test]
fn a_second_build_does_nothing_and_programs_fit() {
    let workspace = Workspace::find().expect("tests run inside the checkout");
    let first = build(&workspace).expect("the contracts build");
    let second = build(&workspace).expect("the contracts are built");
    assert!(!second.fresh);
    assert_eq!(first.sizes, second.sizes);
    for size in &second.sizes {
        assert!(size.code <= build::MAX_CODE, "{} fits", size.name);
    }
    let table = second.to_string();
    assert!(table.contains("registry") && table.contains("compressed"), "{table}");
}
