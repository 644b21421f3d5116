//! Prints the Solidity interface that the router of this program serves.

fn main() {
    registry::print_from_args();
}
