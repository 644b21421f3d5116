//! Prints the Solidity interface that the router of this program serves.

fn main() {
    factory::print_from_args();
}
