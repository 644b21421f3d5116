// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// Does what it is told: an EVM contract that calls WASM programs, with value and in any role.
contract Puppet {
    /// Calls `target` and passes its answer, or its revert, on.
    function exec(address target, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory answer)
    {
        bool ok;
        (ok, answer) = target.call{value: value}(data);
        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    receive() external payable virtual {}
}
