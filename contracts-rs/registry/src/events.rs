//! The structs of the public ABI, and everything the registry logs: enough to rebuild its
//! state without a single call. One block, because an event carries a struct.

extern crate alloc;

use alloy_sol_types::sol;
use stylus_sdk::prelude::*;

sol! {
    #![sol(all_derives)]

    /// What a publisher offers. `price` is wei; `maxSeconds` bounds one run.
    #[derive(AbiType)]
    struct Listing {
        address payee;
        uint96 price;
        uint32 maxSeconds;
        bytes32 imageDigest;
    }

    /// What a keeper reports. `orderHash` says on what: keccak256(abi.encode(address buyer,
    /// uint256 agentId, uint32 version, bytes32 inputHash)) of the purchase, so that a report
    /// never closes another purchase that got the same id in a reorganised chain.
    /// `charge` is wei, at most the escrow, and 0 unless `ok`. `resultHash` and `receiptHash` say
    /// what was delivered: neither is zero if `ok`.
    #[derive(AbiType)]
    struct Outcome {
        bytes32 orderHash;
        bool ok;
        uint96 charge;
        bytes32 resultHash;
        bytes32 receiptHash;
    }

    /// An agent as it is listed now.
    #[derive(AbiType)]
    struct Agent {
        address publisher;
        uint32 version;
        bool listed;
        Listing listing;
        bytes32 manifestHash;
    }

    /// A purchase. `status`: 0 none, 1 open, 2 settled ok, 3 settled failed, 4 refunded.
    /// `escrow` is the wei that was paid, also after it has been settled.
    #[derive(AbiType)]
    struct Purchase {
        address buyer;
        uint256 agentId;
        uint32 version;
        uint8 status;
        uint96 escrow;
        uint64 deadline;
        uint16 keeperBps;
        uint16 protocolBps;
        bytes32 inputHash;
        address keeper;
        bytes32 receiptHash;
    }

    event Listed(
        uint256 indexed agentId,
        uint32 indexed version,
        address indexed publisher,
        Listing listing,
        bytes manifest
    );
    event Unlisted(uint256 indexed agentId);
    event Purchased(
        uint64 indexed purchaseId,
        uint256 indexed agentId,
        address indexed buyer,
        uint32 version,
        uint96 escrow,
        uint64 deadline,
        bytes32 inputHash,
        bytes input
    );
    event Settled(
        uint64 indexed purchaseId,
        address indexed keeper,
        bool ok,
        uint96 charge,
        uint96 keeperFee,
        uint96 protocolFee,
        bytes32 resultHash,
        bytes32 receiptHash
    );
    event Refunded(uint64 indexed purchaseId, address indexed buyer, uint96 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event KeeperAdded(address indexed keeper);
    event KeeperRemoved(address indexed keeper);
    event FeesSet(uint16 keeperBps, uint16 protocolBps);
    event Paused(bool paused);
    event OwnershipTransferStarted(address indexed from, address indexed to);
    event OwnershipTransferred(address indexed from, address indexed to);
}
