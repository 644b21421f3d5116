// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Caller} from "../src/Caller.sol";
import {Token} from "../src/Token.sol";

interface Vm {
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
    function envUint(string calldata name) external view returns (uint256);
}

/// Deploys Solidity contracts and uses one of them.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_SCRIPT = true;

    function run() external returns (Token token, Caller caller) {
        vm.startBroadcast(vm.envUint("KEY"));
        token = new Token(1000);
        caller = new Caller();
        token.transfer(address(caller), 42);
        vm.stopBroadcast();
    }
}
