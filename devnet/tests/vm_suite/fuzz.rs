//! A few hundred seeds of what `scripts/fuzz` runs for minutes.

#[path = "../../examples/fuzz/modules.rs"]
mod modules;
#[path = "../../examples/fuzz/scenario.rs"]
mod scenario;

use rand::{RngCore, SeedableRng, rngs::SmallRng};
use scenario::Fate;

#[test]
fn hostile_modules_break_no_rule() {
    let mut random = SmallRng::seed_from_u64(51);
    let mut ran = 0;
    for round in 0..200 {
        let mut input = vec![0; 64 << (round % 6)];
        random.fill_bytes(&mut input);
        match scenario::run(&input) {
            Ok(Fate::Ran) => ran += 1,
            Ok(_) => {}
            Err(error) => panic!("round {round}: {error}"),
        }
    }
    assert!(ran > 20, "only {ran} programs ran: the generators are worn out");
}
