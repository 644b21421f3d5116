// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// A plain ERC-20 whose whole supply starts with its creator.
contract Token {
    error Short(address who, uint256 have, uint256 want);

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    string public constant name = "Token";
    uint256 public immutable totalSupply;
    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    constructor(uint256 supply) {
        totalSupply = supply;
        move(address(0), msg.sender, supply);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return move(from, to, value);
    }

    function move(address from, address to, uint256 value) private returns (bool) {
        if (from != address(0)) {
            uint256 have = balanceOf[from];
            if (have < value) revert Short(from, have, value);
            unchecked {
                balanceOf[from] = have - value;
            }
        }
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}
