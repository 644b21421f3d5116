//! What the factory logs.

use alloy_sol_types::sol;

sol! {
    #![sol(all_derives)]

    event AccountCreated(
        address indexed account,
        address indexed owner,
        address indexed implementation
    );
}
