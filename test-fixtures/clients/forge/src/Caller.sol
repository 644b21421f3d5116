// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// Calls a program that calls back, and remembers how often it was called back by whom.
contract Caller {
    uint256 public called;
    address public by;

    /// The program is told to call this contract, which answers with twice the number.
    function run(address program, uint256 number) external returns (uint256 answer) {
        (bool ok, bytes memory data) = program.call(abi.encodePacked(address(this), number));
        require(ok, "the program failed");
        answer = abi.decode(data, (uint256));
        require(called > 0 && by == program, "nobody called back");
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        called += 1;
        by = msg.sender;
        return abi.encode(2 * abi.decode(data, (uint256)));
    }
}
