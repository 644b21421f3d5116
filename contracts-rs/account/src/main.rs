//! Prints the Solidity interface that the router of this program serves.

fn main() {
    account::print_from_args();
}
