// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// An EIP-7702 delegate that leaves words in the storage of the account it acts for.
contract Litterer {
    /// Writes `word` into `slot`.
    function leave(bytes32 slot, bytes32 word) external {
        assembly {
            sstore(slot, word)
        }
    }

    receive() external payable {}
}
