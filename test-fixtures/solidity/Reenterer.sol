// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Puppet} from "./Puppet.sol";

/// When it is paid, it calls back whoever pays, and remembers how that ended.
contract Reenterer is Puppet {
    bytes public callback;
    uint256 public callbackValue;
    bool public insist;
    uint256 public attempts;
    bool public worked;
    bytes public answer;

    /// `insist`: its own receiving fails if the call back fails.
    function prepare(bytes calldata data, uint256 value, bool insist_) external {
        callback = data;
        callbackValue = value;
        insist = insist_;
    }

    receive() external payable override {
        if (callback.length == 0) return;
        attempts += 1;
        (worked, answer) = msg.sender.call{value: callbackValue}(callback);
        require(worked || !insist);
    }
}
