//! What the account logs.

use alloy_sol_types::sol;

sol! {
    #![sol(all_derives)]

    event OwnershipTransferred(address indexed from, address indexed to);
}
