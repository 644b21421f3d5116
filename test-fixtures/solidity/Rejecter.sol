// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Puppet} from "./Puppet.sol";

/// Takes no ETH, except along with an order.
contract Rejecter is Puppet {
    error Rejected();

    receive() external payable override {
        revert Rejected();
    }
}
